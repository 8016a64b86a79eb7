import { afterEach, describe, expect, it } from '@jest/globals';
import {
  EMPTY,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  Subject,
} from 'rxjs';
import { connect, open } from '../../src/client/connect.ts';
import type { SshClient } from '../../src/client/client.ts';
import { collect, exitStatus, text } from '../../src/client/output-operators.ts';
import { exec, withClient } from '../../src/client/with-client.ts';
import { isSshError } from '../../src/errors.ts';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { localFiles } from '../../src/sftp/transfer/local-files-node.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { Clock } from '../support/clock.ts';
import {
  allOf,
  closeEmbedded,
  connected,
  embedded,
  type EmbeddedOptions,
  keepOpen,
  respond,
  turn,
} from '../support/embedded.ts';
import { comparable } from '../support/marbles.ts';

afterEach(closeEmbedded);

const echo = (options: EmbeddedOptions = {}) =>
  embedded((session, command) => respond(session, { stdout: command }), options);

/** A promise as `allOf` would tell it. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

describe('connect', () => {
  it('is cold: nothing happens before it is subscribed to, and each subscription is a login', async () => {
    let dials = 0;
    const duplex = new Observable<never>(() => {
      dials++;
    });
    const client$ = connect({ duplex, host: 'db1', user: 'alice' });
    await turn();
    expect(dials).toBe(0);
    keepOpen(client$.subscribe());
    keepOpen(client$.subscribe());
    expect(dials).toBe(2);
  });

  it('emits one client, stays open, and disconnects on unsubscribing', async () => {
    const { client$, types, events } = echo();
    const clients: SshClient[] = [];
    const connection = client$.subscribe((client) => clients.push(client));
    await turn();
    expect([clients.length, clients[0]?.host, clients[0]?.user, clients[0]?.isClosed]).toEqual([
      1,
      'db1',
      'alice',
      false,
    ]);
    expect(clients[0]?.login.method).toBe('password');
    expect(clients[0]?.handshake.hostKey?.algorithm).toBe('ssh-ed25519');
    connection.unsubscribe();
    await turn();
    expect([types().at(-1), 'error' in (events.at(-1) ?? {})]).toEqual(['closed', false]);
  });

  it('tells the banner, replayed, and completes it', async () => {
    const { client$ } = echo({
      server: { authentication: { banner: 'be kind\n', failureDelay: 0 } },
    });
    const client = await connected(client$);
    expect(await allOf(client.banner$)).toEqual(['be kind\n', 'complete']);
  });

  it('tells the banner of a login that fails to the option', async () => {
    const told: string[] = [];
    const { client$ } = echo({
      server: {
        authenticate: () => of(false),
        authentication: { banner: 'members only\n', failureDelay: 0 },
      },
      client: { banner: (text) => told.push(text) },
    });
    expect((await allOf(client$)).map(comparable)).toEqual(['SshError auth']);
    expect(told).toEqual(['members only\n']);
  });

  it.each<readonly [string, object]>([
    ['connectTimeout', { connectTimeout: Number.NaN }],
    ['handshakeTimeout', { handshakeTimeout: '5s' }],
    ['rekeyTimeout', { rekeyTimeout: -1 }],
    ['loginTimeout', { loginTimeout: Number.NaN }],
    ['keepalive.interval', { keepalive: { interval: Number.NaN } }],
    ['keepalive.countMax', { keepalive: { countMax: Number.NaN } }],
    ['rekey.bytes', { rekey: { bytes: '1M' } }],
    ['rekey.packets', { rekey: { packets: -1 } }],
    ['rekey.milliseconds', { rekey: { milliseconds: Number.NaN } }],
    ['software', { software: 'a-b' }],
    ['software', { software: 'a\r\nb' }],
    ['trace', { trace: 'file' }],
    ['banner', { banner: true }],
    ['via', { via: 'bastion' }],
    ['duplex', { duplex: {} }],
    ['connection.openTimeout', { connection: { openTimeout: Number.NaN } }],
    ['knownHosts.load', { knownHosts: {} }],
    ['hostKeys.policy', { hostKeys: 'strict' }],
    ['hostKeys.ask', { hostKeys: { policy: 'ask' } }],
    ['hostKeys.warn', { hostKeys: { policy: 'no' } }],
    ['hostKeys.fingerprints', { hostKeys: { policy: 'pinned', fingerprints: 'SHA256:x' } }],
  ])('names the option that is none before it dials: %s', async (option, options) => {
    let dials = 0;
    const duplex = new Observable<never>(() => {
      dials++;
    });
    const error = await settled(open({ duplex, host: 'db1', user: 'alice', ...options }));
    expect([error, dials]).toMatchObject([{ kind: 'config', detail: { option } }, 0]);
  });

  it('never completes in silence: a duplex or known hosts that never come are config errors', async () => {
    const host = { host: 'db1', user: 'alice' };
    expect((await allOf(connect({ ...host, duplex: EMPTY }))).map(comparable)).toEqual([
      'SshError config',
    ]);
    const knownHosts = { load: () => EMPTY, add: () => EMPTY };
    const [duplex] = memoryPair();
    expect((await allOf(connect({ ...host, duplex, knownHosts }))).map(comparable)).toEqual([
      'SshError config',
    ]);
    expect(comparable(await settled(open({ ...host, duplex: EMPTY })))).toBe('SshError config');
  });

  it('errors with auth and every attempt, and never with the password', async () => {
    const { client$ } = echo({
      server: { authenticate: () => of(false) },
      client: { password: 'open sesame' },
    });
    const [error] = await allOf(client$);
    expect(
      isSshError(error, 'auth') &&
        error.detail.attempts.map(({ method, outcome }) => [method, outcome]),
    ).toContainEqual(['password', 'rejected']);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('sesame');
  });

  it('errors with connection-lost when the server goes away, at any moment', async () => {
    for (const after of [0, 1, 4]) {
      const { client$, ends } = echo();
      const seen = allOf(client$);
      for (let round = 0; round < after; round++) await Promise.resolve();
      ends[0]?.destroy();
      expect((await seen).map(comparable).at(-1)).toBe('SshError connection-lost');
    }
  });

  it('errors with a timeout when nobody answers', async () => {
    const clock = new Clock();
    const [duplex] = memoryPair();
    const seen = allOf(
      connect({ duplex, host: 'db1', user: 'alice', handshakeTimeout: 700, scheduler: clock }),
    );
    await clock.pass(700);
    const [error] = await seen;
    expect(isSshError(error, 'timeout') && error.detail).toEqual({
      phase: 'handshake',
      milliseconds: 700,
    });
    await clock.pass(200);
  });

  it.each([
    ['an unknown algorithm', { algorithms: { cipher: ['rot13'] } }],
    ['no algorithm', { algorithms: { kex: [] } }],
  ])('errors with config for %s', async (_name, client) => {
    expect((await allOf(echo({ client }).client$)).map(comparable)).toEqual(['SshError config']);
  });

  it('names both sides’ lists when there is nothing in common', async () => {
    const [error] = await allOf(
      echo({
        client: { algorithms: { cipher: ['aes128-ctr'] } },
        server: { algorithms: { cipher: ['aes256-ctr'] } },
      }).client$,
    );
    expect(isSshError(error, 'key-exchange') && error.detail.failure).toEqual({
      category: 'cipher client to server',
      ours: ['aes128-ctr'],
      theirs: ['aes256-ctr'],
    });
  });
});

describe('a client that was let go', () => {
  it('names the mistake', async () => {
    const { client$ } = echo();
    const client = await firstValueFrom(client$);
    const [error] = await allOf(client.exec('x'));
    expect(isSshError(error, 'released')).toBe(true);
    expect((error as Error).message).toContain('firstValueFrom(connect(…))');
    for (const used$ of [
      client.session(),
      client.openChannel('session'),
      client.globalRequest('x'),
      client.rekey(),
    ]) {
      expect((await allOf(used$)).map(comparable)).toEqual(['SshError released']);
    }
    expect(comparable(await settled(client.run('x')))).toBe('SshError released');
    expect([client.isClosed, comparable(await firstValueFrom(client.closed$))]).toEqual([
      true,
      'SshError released',
    ]);
  });

  it('is told what ended the connection, if it was something else', async () => {
    const { client$, ends } = echo();
    const client = await new Promise<SshClient>((resolve) =>
      keepOpen(client$.subscribe({ next: resolve, error: () => undefined })),
    );
    ends[0]?.destroy();
    await turn();
    expect((await allOf(client.exec('x'))).map(comparable)).toEqual(['SshError connection-lost']);
  });
});

describe('open', () => {
  async function opened(): Promise<SshClient> {
    const { client$ } = echo();
    // `open` takes what `connect` takes: the duplex of the pair is what matters
    return new Promise((resolve) =>
      keepOpen(client$.subscribe({ next: resolve, error: () => undefined })),
    );
  }

  it('rejects with what connect errors with', async () => {
    const [duplex, other] = memoryPair();
    other.destroy();
    expect(comparable(await settled(open({ duplex, host: 'db1', user: 'alice' })))).toBe(
      'SshError connection-lost',
    );
  });

  it('lets the connection go at the end of await using', async () => {
    const client = await opened();
    const { stdout } = await client.run('hello');
    expect(stdout).toBe('hello');
    await client[Symbol.asyncDispose]();
    expect([client.isClosed, comparable(await firstValueFrom(client.closed$))]).toEqual([
      true,
      'SshError disconnect',
    ]);
    // twice is no mistake
    await client[Symbol.asyncDispose]();
  });
});

describe('run', () => {
  it('collects, whatever the exit', async () => {
    const { client$ } = embedded((session) =>
      respond(session, { stdout: 'out', stderr: 'err', exit: 7 }),
    );
    const client = await connected(client$);
    expect(await client.run('x')).toMatchObject({
      stdout: 'out',
      stderr: 'err',
      exit: { kind: 'status', status: 7 },
    });
    expect(comparable(await settled(client.run('x', { maxBytes: 3 })))).toBe('SshError overflow');
  });

  it('is aborted by a signal: the command ends, the connection does not', async () => {
    const signals: string[] = [];
    const { client$, types } = embedded((session) => {
      keepOpen(session.signals$.subscribe((name) => signals.push(name)));
      return NEVER;
    });
    const client = await connected(client$);
    const abort = new AbortController();
    const running = settled(client.run('x', { signal: abort.signal }));
    await turn();
    abort.abort(new Error('enough'));
    const error = await running;
    expect(isSshError(error, 'aborted') && error.cause).toEqual(new Error('enough'));
    await turn();
    expect([signals, types().at(-1), client.isClosed]).toEqual([['TERM'], 'session-closed', false]);
    // and nothing is begun for one that has fired already
    const before = types().length;
    expect(comparable(await settled(client.run('x', { signal: abort.signal })))).toBe(
      'SshError aborted',
    );
    await turn();
    expect(types()).toHaveLength(before);
  });

  it('leaves no listener on a signal', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    const abort = new AbortController();
    const added: string[] = [];
    const { signal } = abort;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      added.push('+');
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      added.push('-');
      remove(...args);
    };
    await client.run('x', { signal });
    expect(added).toEqual(['+', '-']);
  });
});

describe('an AbortSignal of what a client does', () => {
  it.each<readonly [string, (client: SshClient, signal: AbortSignal) => Observable<unknown>]>([
    ['a command', (client, signal) => client.exec('x', { signal })],
    ['a session', (client, signal) => client.session({ signal })],
    ['a channel', (client, signal) => client.openChannel('session', undefined, { signal })],
    ['a shell', (client, signal) => client.shell({ signal })],
    ['SFTP', (client, signal) => client.sftp({ signal })],
    ['a transfer', (client, signal) => client.get('/endless', 'nowhere', { signal })],
    [
      'a transfer in SFTP',
      (client, signal) =>
        client.sftp().pipe(withClient((fs) => fs.get('/endless', 'nowhere', { signal }))),
    ],
  ])('ends %s with aborted, and nothing else', async (_, work) => {
    const { client$ } = embedded(() => NEVER, {
      client: { localFiles },
      server: {
        pty: true,
        shell: () => NEVER,
        subsystems: { sftp: sftpServer({ ...memoryFileSystem(), stat: () => NEVER }) },
      },
    });
    const client = await connected(client$);
    const abort = new AbortController();
    const ended = allOf(work(client, abort.signal).pipe(ignoreElements()));
    for (let turns = 0; turns < 20; turns++) await turn();
    abort.abort();
    expect((await ended).map(comparable)).toEqual(['SshError aborted']);
    for (let turns = 0; turns < 20; turns++) await turn();
    expect([client.connection.channelCount, client.isClosed]).toEqual([0, false]);
    expect((await allOf(work(client, abort.signal))).map(comparable)).toEqual(['SshError aborted']);
  });
});

describe('an AbortSignal of connect', () => {
  it('ends the connection with aborted for everyone who uses it', async () => {
    const abort = new AbortController();
    const { client$, types } = embedded(() => NEVER, { client: { signal: abort.signal } });
    const seen = allOf(client$.pipe(exec('x')));
    await turn();
    abort.abort();
    expect((await seen).map(comparable)).toEqual(['SshError aborted']);
    await turn();
    expect(types().at(-1)).toBe('closed');
  });

  it('ends what is still connecting, and dials for nobody when it has fired', async () => {
    const abort = new AbortController();
    const verdict = new Subject<boolean>();
    const client = {
      signal: abort.signal,
      hostKeys: { policy: 'ask', ask: () => verdict },
    } as const;
    const { client$, types } = embedded(() => NEVER, { client });
    const seen = allOf(client$);
    await turn();
    expect(verdict.observed).toBe(true);
    abort.abort();
    expect((await seen).map(comparable)).toEqual(['SshError aborted']);
    await turn();
    expect([verdict.observed, types().at(-1)]).toEqual([false, 'closed']);
    const before = types().length;
    expect((await allOf(client$)).map(comparable)).toEqual(['SshError aborted']);
    expect(types()).toHaveLength(before);
  });
});

describe('a client', () => {
  it('rekeys while commands run', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    const running = client.run('x');
    expect(await allOf(client.rekey())).toEqual(['complete']);
    expect((await running).stdout).toBe('x');
    expect((await client.run('y')).stdout).toBe('y');
  });

  it('sends global requests and opens channels of any type', async () => {
    const { client$ } = echo({
      server: {
        globalRequests: { 'ping@example.com': () => Uint8Array.of(112) },
        channels: {
          'greet@example.com': () => ({
            accept: true,
            opened: (channel) => {
              channel.stdin.pump('hi').subscribe();
            },
          }),
        },
      },
    });
    const client = await connected(client$);
    expect(utf8Text(await firstValueFrom(client.globalRequest('ping@example.com')))).toBe('p');
    const channel = await firstValueFrom(
      new Observable<Uint8Array>((out) => {
        keepOpen(
          client
            .openChannel('greet@example.com')
            .subscribe((opened) => keepOpen(opened.stdout$.subscribe(out))),
        );
      }),
    );
    expect(utf8Text(channel)).toBe('hi');
    const [error] = await allOf(client.openChannel('none@example.com'));
    expect(isSshError(error, 'channel-open') && error.detail.reasonCode).toBe(3);
  });

  it('answers the server’s question for its host keys with something, so that it need not wait', async () => {
    const types: string[] = [];
    const { client$, events } = echo({
      server: {
        trace: (event: { type: string }) =>
          types.push(event.type === 'packet' ? JSON.stringify(event) : ''),
      },
    });
    await connected(client$);
    const served = events.find((event) => event.type === 'authenticated');
    keepOpen(
      served?.connection
        .globalRequest('hostkeys-00@openssh.com')
        .subscribe({ error: () => undefined }) ?? NEVER.subscribe(),
    );
    await turn();
    expect(types.some((line) => line.includes('"direction":"in"') && line.includes('IGNORE'))).toBe(
      true,
    );
  });

  it('runs ten commands at a time', async () => {
    const { client$ } = echo();
    const client = await connected(client$);
    const all = Array.from({ length: 10 }, (_, at) =>
      lastValueFrom(client.exec(String(at)).pipe(text())),
    );
    expect(await Promise.all(all)).toEqual(all.map((_, at) => String(at)));
    expect(await lastValueFrom(client.exec('x').pipe(exitStatus()))).toBe(0);
    expect((await lastValueFrom(client.exec('x').pipe(collect()))).stdout).toBe('x');
  });
});
