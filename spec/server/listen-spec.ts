import { connect as connectSocket, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  filter,
  firstValueFrom,
  lastValueFrom,
  Observable,
  ReplaySubject,
  Subscription,
} from 'rxjs';
import type { SshConnection } from '../../src/channels/connection.ts';
import { isSshError } from '../../src/errors.ts';
import type { ServerEvent } from '../../src/server/events.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import { listen, type ListenOptions } from '../../src/server/listen-node.ts';
import { connectTcp } from '../../src/streams/tcp-node.ts';
import { ask, execOf, openSession, rawClient, run, serverWith } from './raw-client.ts';

let running = new Subscription();
const sockets = new Set<Socket>();

afterEach(() => {
  running.unsubscribe();
  running = new Subscription();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

type Kind<T extends ServerEvent['type']> = Extract<ServerEvent, { type: T }>;

/** A listener at work. */
interface Listening {
  readonly port: number;
  readonly server: Subscription;
  /** The next event of a type, or the first one that there was. */
  event<T extends ServerEvent['type']>(type: T, skip?: number): Promise<Kind<T>>;
  count(type: ServerEvent['type']): number;
}

async function start(more: Partial<ListenOptions> = {}): Promise<Listening> {
  const events = new ReplaySubject<ServerEvent>(Number.POSITIVE_INFINITY);
  const all: ServerEvent[] = [];
  const server = listen({ ...serverWith(), port: 0, ...more }).subscribe({
    next: (event) => {
      all.push(event);
      events.next(event);
    },
    error: (error: unknown) => events.error(error),
  });
  running.add(server);
  const first = await firstValueFrom(events);
  if (first.type !== 'listening') throw new Error(`first ${first.type}`);
  return {
    port: first.port,
    server,
    event: async (type, skip = 0) => {
      let seen = 0;
      return firstValueFrom(
        events.pipe(
          filter((event): event is Kind<typeof type> => event.type === type && seen++ === skip),
        ),
      );
    },
    count: (type) => all.filter((event) => event.type === type).length,
  };
}

/** A client that is logged in. */
function client(port: number): Promise<{ connection: SshConnection; subscription: Subscription }> {
  const subscription = new Subscription();
  running.add(subscription);
  return new Promise((resolve, reject) => {
    const connected$ = new Observable<SshConnection>((out) => {
      out.add(
        connectTcp({ host: '127.0.0.1', port }).subscribe({
          next: (duplex) => out.add(rawClient(duplex).subscribe(out)),
          error: (error: unknown) => out.error(error),
        }),
      );
    });
    subscription.add(
      connected$.subscribe({
        next: (connection) => resolve({ connection, subscription }),
        error: reject,
      }),
    );
  });
}

/** A peer that says nothing of SSH. */
function plainSocket(port: number, text = ''): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(port, '127.0.0.1', () => {
      socket.write(text);
      resolve(socket);
    });
    sockets.add(socket);
    socket.once('error', reject);
    socket.resume();
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    socket.once('close', () => resolve());
  });
}

describe('listen', () => {
  it('says where, on this machine only, then tells of each connection', async () => {
    const server = await start({
      exec: (session) => session.stdout.pump(session.stdin$).pipe(exitWith(7)),
    });
    const { connection, subscription } = await client(server.port);
    expect(await run(connection, 'x', 'hello')).toMatchObject({ stdout: 'hello' });
    subscription.unsubscribe();
    const { connection: served } = await server.event('closed');
    expect(served.peer?.address).toBe('127.0.0.1');
    expect(served).toBe((await server.event('connection')).connection);
    expect((await server.event('listening')).address).toBe('127.0.0.1');
  });

  it('errors when the port is taken, and for options that cannot be met', async () => {
    const { port } = await start();
    const taken: unknown = await lastValueFrom(listen({ ...serverWith(), port })).catch(
      (error: unknown) => error,
    );
    expect(isSshError(taken, 'connect')).toBe(true);
    const noKey = { ...serverWith({ hostKeys: [] }), port: 0 };
    const wrong: unknown = await lastValueFrom(listen(noKey)).catch((error: unknown) => error);
    expect(isSshError(wrong, 'config')).toBe(true);
  });

  it('lets a hostile peer end its own connection only', async () => {
    const server = await start({ exec: (session) => session.stdout.pump('ok').pipe(exitWith(0)) });
    const { connection } = await client(server.port);
    const before = await openSession(connection);
    const hostile = await plainSocket(server.port, `SSH-2.0-x\r\n${'\xff'.repeat(5000)}`);
    await closed(hostile);
    const reset = await plainSocket(server.port, 'SSH-2.0-x\r\n');
    reset.resetAndDestroy();
    const { error } = await server.event('closed', 1);
    expect(error).toBeDefined();
    expect(before.channel.isOpen).toBe(true);
    expect(await run(connection, 'x')).toMatchObject({ stdout: 'ok' });
  });

  it('turns away whoever comes beyond a limit, until there is room', async () => {
    const server = await start({ maxStartups: 2, maxConnections: 3 });
    const { subscription } = await client(server.port);
    const silent = [await plainSocket(server.port), await plainSocket(server.port)];
    await closed(await plainSocket(server.port));
    expect((await server.event('refused')).limit).toBe('maxConnections');
    subscription.unsubscribe();
    await server.event('closed');
    await closed(await plainSocket(server.port));
    const refused = await server.event('refused', 1);
    expect(refused).toMatchObject({
      limit: 'maxStartups',
      peer: { address: '127.0.0.1' },
    });
    silent[0]?.destroy();
    await server.event('closed', 1);
    expect(await client(server.port)).toBeDefined();
  });

  it('lets a good client in when those who say nothing have had their time', async () => {
    const server = await start({ maxStartups: 5, handshakeTimeout: 150 });
    for (let i = 0; i < 5; i++) await plainSocket(server.port);
    await closed(await plainSocket(server.port));
    await server.event('closed', 4);
    expect(await client(server.port)).toBeDefined();
    expect([server.count('refused'), server.count('closed')]).toEqual([1, 5]);
  });

  it('leaves nothing behind when it is unsubscribed', async () => {
    const baseline = process.getActiveResourcesInfo().filter(isOurs).length;
    let letGo = 0;
    const server = await start({ exec: () => new Observable(() => () => letGo++) });
    const clients = await Promise.all([client(server.port), client(server.port)]);
    for (const { connection } of clients) {
      await ask((await openSession(connection)).channel, 'exec', execOf('x'));
    }
    const silent = await plainSocket(server.port);
    server.server.unsubscribe();
    expect(letGo).toBe(2);
    await closed(silent);
    const refused: unknown = await plainSocket(server.port).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
    for (const { subscription } of clients) subscription.unsubscribe();
    for (let i = 0; process.getActiveResourcesInfo().filter(isOurs).length > baseline; i++) {
      if (i > 200) throw new Error(process.getActiveResourcesInfo().join(', '));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
});

function isOurs(resource: string): boolean {
  return /TCP|Pipe|Process/.test(resource);
}
