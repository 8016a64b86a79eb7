import { afterEach, describe, expect, it } from '@jest/globals';
import {
  concat,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  timer,
  toArray,
} from 'rxjs';
import type { Channel } from '../../src/channels/channel.ts';
import { isSshError } from '../../src/errors.ts';
import type { ConnectionEvent } from '../../src/server/events.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import { serve } from '../../src/server/serve.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { openTransport } from '../../src/streams/transport.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { clientOptions } from '../support/transports.ts';
import { ask, closePairs, execOf, openSession, pair, run, serverWith } from './raw-client.ts';

afterEach(closePairs);

/** The connection that the first event has brought. */
function connectionOf(events: readonly ConnectionEvent[]): ConnectionEvent['connection'] {
  const [first] = events;
  if (first === undefined) throw new Error('nothing has happened');
  return first.connection;
}

/** Everything that is told of one connection whose client does no more than write some bytes. */
function eventsOf(bytes: Uint8Array, options: Partial<ServeOptions>): Promise<ConnectionEvent[]> {
  const [clientEnd, serverEnd] = memoryPair();
  const reading = clientEnd.readable$.subscribe({ error: () => undefined });
  clientEnd.write(bytes, () => undefined);
  return lastValueFrom(serve(serverEnd, serverWith(options)).pipe(toArray())).finally(() =>
    reading.unsubscribe(),
  );
}

describe('serve', () => {
  it.each([1, 100, undefined])('runs an exec in chunks of %s', async (chunk) => {
    const { connection, client, events, ended } = await pair(
      {
        exec: (session, command) =>
          concat(
            session.stdout.pump(`${session.user}: ${command}\n`).pipe(ignoreElements()),
            session.stderr.pump('oh').pipe(ignoreElements()),
            of(7),
          ),
      },
      chunk === undefined ? {} : { chunk },
    );
    expect(await run(connection, 'make test')).toEqual({
      stdout: 'alice: make test\n',
      stderr: 'oh',
      requests: [{ type: 'exit-status', value: 7 }],
    });
    client.unsubscribe();
    await ended;
    expect(events.map((event) => event.type)).toEqual([
      ...['connection', 'handshake', 'auth-attempt', 'auth-attempt', 'authenticated'],
      ...['session', 'exec', 'exit', 'session-closed', 'closed'],
    ]);
    expect(events.at(-1)).not.toHaveProperty('error');
  });

  it('X28: drains: at once before a login and where there is no channel, else behind the last', async () => {
    const drain = new Subject<void>();
    const work = new Subject<number>();
    const busy = await pair({ drain, exec: () => work });
    const idle = await pair({ drain });
    const [, serverEnd] = memoryPair();
    const early = lastValueFrom(serve(serverEnd, serverWith({ drain })).pipe(toArray()));
    const session = await openSession(busy.connection);
    await ask(session.channel, 'exec', execOf('x'));
    drain.next();
    expect((await early).map(({ type }) => type)).toEqual(['connection', 'closed']);
    await idle.ended;
    await expect(openSession(busy.connection)).rejects.toMatchObject({ kind: 'channel-open' });
    expect(busy.events.at(-1)?.type).toBe('exec');
    work.next(0);
    await busy.ended;
    expect(busy.events.at(-1)).toMatchObject({ type: 'closed' });
    expect(busy.events.at(-1)).not.toHaveProperty('error');
    expect(session.requests.map(({ type }) => type)).toEqual(['exit-status']);
  });

  it('echoes', async () => {
    const { connection } = await pair({
      exec: (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
    });
    expect(await run(connection, 'cat', 'hello')).toEqual({
      stdout: 'hello',
      stderr: '',
      requests: [{ type: 'exit-status', value: 0 }],
    });
  });

  it('tells the facts of a connection', async () => {
    const { events, connection } = await pair({ software: 'test_1' });
    const served = connectionOf(events);
    expect(served.user).toBe('alice');
    expect(served.login).toMatchObject({ user: 'alice', method: 'publickey' });
    expect(served.handshake?.ownIdentification).toBe('SSH-2.0-test_1');
    expect(served.handshake?.sessionId).toEqual(connection.transport.handshake.sessionId);
    const algorithms = connection.transport.extensions.get('server-sig-algs');
    expect(utf8Text(algorithms ?? new Uint8Array(0)).split(',')).toContain('rsa-sha2-512');
    expect(connection.transport.extensions.has('ping@openssh.com')).toBe(true);
  });

  it.each<readonly [string, Partial<ServeOptions>]>([
    ['no host key', { hostKeys: [] }],
    ['no host keys at all', { hostKeys: undefined as never }],
    ['the text of a host key', { hostKeys: ['-----BEGIN OPENSSH PRIVATE KEY-----' as never] }],
    ['a host key that is awaited nowhere', { hostKeys: [Promise.resolve() as never] }],
    ['no host key for an algorithm', { algorithms: { hostKey: ['rsa-sha2-512'] } }],
    ['an unknown cipher', { algorithms: { cipher: ['rot13'] } }],
    ['an unknown key exchange', { algorithms: { kex: ['toString'] } }],
    ['an unknown method', { authentication: { methods: ['gssapi-with-mic'] } }],
    ['an unknown algorithm of users', { authentication: { algorithms: ['ssh-what'] } }],
  ])('errors for %s before the duplex is touched', async (_name, options) => {
    const [clientEnd, serverEnd] = memoryPair();
    const error: unknown = await lastValueFrom(serve(serverEnd, serverWith(options))).catch(
      (thrown: unknown) => thrown,
    );
    expect(isSshError(error, 'config')).toBe(true);
    let received = 0;
    clientEnd.readable$.subscribe((chunk) => (received += chunk.length));
    await firstValueFrom(timer(20));
    expect(received).toBe(0);
  });

  it.each<readonly [string, Uint8Array, string]>([
    ['another protocol', utf8Bytes('GET / HTTP/1.1\r\n\r\n'), 'protocol'],
    ['nonsense for a packet', utf8Bytes(`SSH-2.0-x\r\n${'x'.repeat(100)}`), 'protocol'],
    ['nothing at all', new Uint8Array(0), 'timeout'],
  ])('does not error for %s', async (_name, bytes, kind) => {
    const events = await eventsOf(bytes, { handshakeTimeout: 100 });
    expect(events.map((event) => event.type)).toEqual(['connection', 'closed']);
    expect(events[1]).toMatchObject({ error: { kind } });
  });

  it('gives a client the whole of its time to log in, from the beginning', async () => {
    const [clientEnd, serverEnd] = memoryPair();
    const client = openTransport(clientEnd, clientOptions()).subscribe({ error: () => undefined });
    const authentication = { loginGraceTime: 150 };
    const began = performance.now();
    const events = await lastValueFrom(
      serve(serverEnd, serverWith({ authentication })).pipe(toArray()),
    );
    expect(performance.now() - began).toBeLessThan(1000);
    expect(events.at(-1)).toMatchObject({ error: { kind: 'timeout', detail: { phase: 'login' } } });
    client.unsubscribe();
  });

  it('lets nobody in whom the policy does not', async () => {
    const refused: unknown = await pair({ authenticate: () => of(false) }).catch(
      (error: unknown) => error,
    );
    expect(isSshError(refused, 'auth')).toBe(true);
  });

  it('disconnects and lets handlers go when it is unsubscribed', async () => {
    let isLetGo = false;
    const { connection, server } = await pair({
      exec: () => new Observable(() => () => (isLetGo = true)),
    });
    const { channel } = await openSession(connection);
    await ask(channel, 'exec', execOf('x'));
    server.unsubscribe();
    expect(isLetGo).toBe(true);
    const error = await firstValueFrom(connection.transport.closed$);
    expect(error).toMatchObject({ kind: 'disconnect', detail: { reasonCode: 11, by: 'peer' } });
  });

  it('can say why it disconnects', async () => {
    const { connection, events, ended } = await pair();
    connectionOf(events).disconnect('maintenance');
    const error = await firstValueFrom(connection.transport.closed$);
    expect(error).toMatchObject({ detail: { description: 'maintenance' } });
    await ended;
    expect(events.at(-1)).toEqual({ type: 'closed', connection: connectionOf(events) });
    expect(await firstValueFrom(connectionOf(events).closed$)).toBeUndefined();
  });

  it('tells of a connection that was lost', async () => {
    const [clientEnd, serverEnd] = memoryPair();
    const events = lastValueFrom(serve(serverEnd, serverWith()).pipe(toArray()));
    clientEnd.destroy();
    expect((await events).at(-1)).toMatchObject({
      type: 'closed',
      error: { kind: 'connection-lost' },
    });
  });

  it('asks for new keys, and for signs of life', async () => {
    const { connection, events } = await pair({ keepalive: { interval: 20 } });
    const served = connectionOf(events);
    const rekeyed = firstValueFrom(connection.transport.rekeyed$.pipe(map(() => true)));
    served.rekey();
    expect(await rekeyed).toBe(true);
    expect(await firstValueFrom(served.keepalive$)).toBeGreaterThanOrEqual(0);
  });

  it('runs while keys change all the time', async () => {
    const { connection } = await pair(
      {
        rekey: { bytes: 40_000 },
        exec: (session) => session.stdout.pump(session.stdin$).pipe(exitWith(0)),
      },
      {},
      { rekey: { bytes: 50_000, packets: 2 ** 31, milliseconds: 0 } },
    );
    const text = 'x'.repeat(1_000_000);
    expect((await run(connection, 'cat', text)).stdout).toBe(text);
  });

  it('takes channels of further types, and global requests', async () => {
    const users: (string | undefined)[] = [];
    const { connection } = await pair({
      channels: {
        'echo@example.org': (request, { user }) => {
          users.push(user, utf8Text(request.payload));
          return of({
            accept: true as const,
            opened: (channel: Channel) => void channel.stdin.pump(channel.stdout$).subscribe(),
          });
        },
      },
      globalRequests: {
        'who@example.org': (_request, { user }) => utf8Bytes(user ?? ''),
      },
    });
    const who = await lastValueFrom(connection.globalRequests.request('who@example.org'));
    expect(utf8Text(who)).toBe('alice');
    const channel = await new Promise<Channel>((resolve, reject) => {
      connection
        .openChannel('echo@example.org', utf8Bytes('payload'))
        .subscribe({ next: resolve, error: reject });
    });
    channel.stdin.pump('hello').subscribe();
    expect(utf8Text(await lastValueFrom(channel.stdout$))).toBe('hello');
    expect(users).toEqual(['alice', 'payload']);
    const unknown: unknown = await lastValueFrom(connection.openChannel('toString')).catch(
      (error: unknown) => error,
    );
    expect(isSshError(unknown, 'channel-open') && unknown.detail.reasonCode).toBe(3);
  });

  it('opens channels to a client, which refuses them', async () => {
    const { events } = await pair();
    const served = connectionOf(events);
    const refused: unknown = await lastValueFrom(served.openChannel('x11')).catch(
      (error: unknown) => error,
    );
    expect(isSshError(refused, 'channel-open')).toBe(true);
    const failed: unknown = await lastValueFrom(served.globalRequest('x@example.org')).catch(
      (error: unknown) => error,
    );
    expect(isSshError(failed, 'request-refused')).toBe(true);
  });

  it('has no channels before a login', async () => {
    const [clientEnd, serverEnd] = memoryPair();
    const { connection } = await firstValueFrom(
      concat(serve(serverEnd, serverWith()), NEVER).pipe(
        map((event) => ({ connection: event.connection })),
      ),
    );
    const error: unknown = await lastValueFrom(connection.openChannel('session')).catch(
      (thrown: unknown) => thrown,
    );
    expect(isSshError(error, 'released')).toBe(true);
    expect(connection.handshake).toBeUndefined();
    clientEnd.destroy();
  });
});
