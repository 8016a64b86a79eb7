import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import dns from 'node:dns';
import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstValueFrom, type Observable, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { connectTcp, connectUnix } from '../../src/streams/tcp-node.ts';
import { utf8 } from '../support/marbles.ts';

const sockets: Socket[] = [];
let server: Server;
let port: number;
let subscriptions: Subscription[];

beforeEach(async () => {
  subscriptions = [];
  server = net.createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const subscription of subscriptions) subscription.unsubscribe();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** The first value, with the subscription kept until the spec is over. */
function kept<T>(source: Observable<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    subscriptions.push(source.subscribe({ next: resolve, error: reject }));
  });
}

/** The error of a source. */
function failure(source: Observable<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const complete = (): void => reject(new Error('completed'));
    subscriptions.push(source.subscribe({ error: resolve, complete }));
  });
}

function answer(...addresses: string[]): void {
  const found = addresses.map((address) => ({ address, family: net.isIP(address) }));
  jest.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    _options: unknown,
    done: unknown,
  ) => {
    queueMicrotask(() => (done as (error: null, addresses: typeof found) => void)(null, found));
  }) as never);
}

/** Sockets to these addresses never come to an answer. */
function silence(...addresses: string[]): { dialled: string[]; silent: Socket[] } {
  const seen = { dialled: [] as string[], silent: [] as Socket[] };
  const { connect } = net;
  jest.spyOn(net, 'connect').mockImplementation(((options: net.TcpNetConnectOpts) => {
    const host = options.host ?? '';
    seen.dialled.push(host);
    if (!addresses.includes(host)) return connect(options);
    const socket = new Socket();
    seen.silent.push(socket);
    return socket;
  }) as never);
  return seen;
}

/** A few turns of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('connectTcp', () => {
  it('emits a duplex that knows its peer, and stays open', async () => {
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    expect(duplex.peer).toEqual({ address: '127.0.0.1', port });
    const written = new Promise<void>((resolve) => duplex.write(utf8('hello'), resolve));
    await written;
  });

  it('does nothing before it is subscribed', async () => {
    const lookup = jest.spyOn(dns, 'lookup');
    connectTcp({ host: 'example.test', port });
    await settled();
    expect(lookup).not.toHaveBeenCalled();
  });

  it('destroys the socket when it is unsubscribed', async () => {
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    const socket = await accepted;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    for (const subscription of subscriptions) subscription.unsubscribe();
    await closed;
    const error = await firstValueFrom(duplex.readable$).catch((each: unknown) => each);
    expect(isSshError(error, 'connection-lost')).toBe(true);
  });

  it('lets what was written before an end leave, also when it is unsubscribed in the same turn', async () => {
    const received = new Promise<string>((resolve) => {
      server.once('connection', (socket) => {
        let all = '';
        socket.setEncoding('utf8');
        socket.on('data', (text: string) => (all += text)).on('end', () => resolve(all));
      });
    });
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    duplex.write(utf8('goodbye'), () => undefined);
    duplex.end();
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(await received).toBe('goodbye');
  });

  it('tries the next address as soon as one is refused', async () => {
    answer('127.0.0.2', '127.0.0.1');
    const { dialled } = silence();
    const duplex = await kept(connectTcp({ host: 'two.test', port }));
    expect(duplex.peer?.address).toBe('127.0.0.1');
    expect(dialled).toEqual(['127.0.0.2', '127.0.0.1']);
  });

  it('errors with every address and what it said', async () => {
    answer('127.0.0.2', '127.0.0.3');
    const error = await failure(connectTcp({ host: 'two.test', port }));
    expect(error).toMatchObject({
      kind: 'connect',
      transient: true,
      detail: {
        host: 'two.test',
        port,
        attempts: [
          { address: '127.0.0.2', port, message: expect.stringContaining('ECONNREFUSED') },
          { address: '127.0.0.3', port, message: expect.stringContaining('ECONNREFUSED') },
        ],
      },
    });
  });

  it('errors with connect when the name is not known', async () => {
    jest.spyOn(dns, 'lookup').mockImplementation(((
      _host: string,
      _options: unknown,
      done: unknown,
    ) => {
      queueMicrotask(() => (done as (error: Error) => void)(new Error('getaddrinfo ENOTFOUND')));
    }) as never);
    const error = await failure(connectTcp({ host: 'nowhere.test', port }));
    expect(error).toMatchObject({
      kind: 'connect',
      detail: { attempts: [{ address: 'nowhere.test', message: 'getaddrinfo ENOTFOUND' }] },
    });
  });

  it('X19: tries the next address beside one that is silent, and destroys the loser', async () => {
    const scheduler = new VirtualTimeScheduler();
    answer('192.0.2.1', '127.0.0.1');
    const { dialled, silent } = silence('192.0.2.1');
    const connected = kept(connectTcp({ host: 'two.test', port, scheduler }));
    await settled();
    expect(dialled).toEqual(['192.0.2.1']);
    scheduler.flush();
    expect(scheduler.now()).toBe(250);
    const duplex = await connected;
    expect(duplex.peer?.address).toBe('127.0.0.1');
    expect(silent.map((socket) => socket.destroyed)).toEqual([true]);
  });

  it('X19: lets the families take turns', async () => {
    answer('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2');
    const scheduler = new VirtualTimeScheduler();
    const { dialled, silent } = silence('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2');
    subscriptions.push(connectTcp({ host: 'many.test', port, scheduler }).subscribe());
    await settled();
    scheduler.flush();
    expect(dialled).toEqual(['192.0.2.1', '2001:db8::1', '192.0.2.2', '2001:db8::2']);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(silent.every((socket) => socket.destroyed)).toBe(true);
  });

  it('X19: errors with timeout when no address answers, and destroys what it has begun', async () => {
    const scheduler = new VirtualTimeScheduler();
    const { silent } = silence('192.0.2.1');
    const error = failure(connectTcp({ host: '192.0.2.1', port, timeout: 3000, scheduler }));
    scheduler.flush();
    expect(await error).toMatchObject({
      kind: 'timeout',
      detail: { phase: 'connect', milliseconds: 3000 },
    });
    expect(silent.map((socket) => socket.destroyed)).toEqual([true]);
  });

  it('counts the time that looking up the name takes', async () => {
    const scheduler = new VirtualTimeScheduler();
    let done: unknown;
    jest.spyOn(dns, 'lookup').mockImplementation(((
      _host: string,
      _options: unknown,
      each: unknown,
    ) => {
      done = each;
    }) as never);
    const error = failure(connectTcp({ host: 'slow.test', port, timeout: 3000, scheduler }));
    scheduler.flush();
    expect(await error).toMatchObject({ kind: 'timeout' });
    const { dialled } = silence();
    (done as (error: null, addresses: unknown[]) => void)(null, [
      { address: '127.0.0.1', family: 4 },
    ]);
    expect(dialled).toEqual([]);
  });

  it('destroys a socket that is connecting when it is unsubscribed', () => {
    const { silent } = silence('192.0.2.1');
    connectTcp({ host: '192.0.2.1', port }).subscribe().unsubscribe();
    expect(silent.map((socket) => socket.destroyed)).toEqual([true]);
  });

  it.each([-1, 65_536, 1.5, Number.NaN])('errors with config for port %s', async (wrong) => {
    const error = await failure(connectTcp({ host: '127.0.0.1', port: wrong }));
    expect(error).toMatchObject({ kind: 'config', detail: { option: 'port' } });
  });

  it('errors the reader, not itself, when the connection breaks', async () => {
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    const error = failure(duplex.readable$);
    (await accepted).resetAndDestroy();
    expect(await error).toMatchObject({
      kind: 'connection-lost',
      cause: expect.objectContaining({ code: 'ECONNRESET' }),
    });
  });

  it('says why to a reader that comes after the break', async () => {
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    (await accepted).resetAndDestroy();
    await brokenBy(duplex);
    const error = await failure(duplex.readable$);
    expect(error).toMatchObject({ kind: 'connection-lost' });
    expect(String(error)).not.toMatch(/false/);
  });

  it('writes what is written in one turn together, and before it is let go', async () => {
    const duplex = await kept(connectTcp({ host: '127.0.0.1', port }));
    const together = jest.spyOn(
      Socket.prototype as unknown as { _writev: (...args: readonly unknown[]) => void },
      '_writev',
    );
    const heard = new Promise<string>((resolve) => {
      let text = '';
      server.getConnections(() => {
        sockets[0]?.on('data', (chunk: Buffer) => (text += chunk.toString()));
        sockets[0]?.once('close', () => resolve(text));
      });
    });
    const done: string[] = [];
    const hop = Promise.resolve();
    const writeThenAwait = async (text: string, written: () => void): Promise<void> => {
      duplex.write(utf8(text), () => done.push(text));
      // the turn is not over before its promises are
      for (let hops = 0; hops < 10; hops++) await hop;
      duplex.write(utf8(text.toUpperCase()), written);
    };
    for (const text of ['a', 'b', 'c'])
      await new Promise<void>((resolve) => {
        setImmediate(() => void writeThenAwait(text, resolve));
      });
    expect(together).toHaveBeenCalledTimes(3);
    duplex.write(utf8('d'), () => done.push('d'));
    duplex.destroy();
    expect(await heard).toBe('aAbBcCd');
    expect(done).toEqual(['a', 'b', 'c', 'd']);
  });

  it('sets TCP_NODELAY', async () => {
    const connect = jest.spyOn(net, 'connect');
    await kept(connectTcp({ host: '127.0.0.1', port }));
    expect(connect).toHaveBeenCalledWith(expect.objectContaining({ noDelay: true }));
  });
});

/** Writes until the socket has learnt that it is broken. */
async function brokenBy(duplex: ByteDuplex): Promise<void> {
  for (let i = 0; i < 50; i++) {
    await new Promise<void>((resolve) => duplex.write(utf8('x'), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('connectUnix', () => {
  let folder: string;
  let unix: Server;
  let path: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxssh-'));
    path = join(folder, 'socket');
    unix = net.createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => unix.listen(path, resolve));
  });

  afterEach(async () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => unix.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it('emits a duplex without a peer', async () => {
    const accepted = new Promise<Socket>((resolve) => unix.once('connection', resolve));
    const duplex = await kept(connectUnix(path));
    (await accepted).end('hello');
    const chunk = await new Promise<Uint8Array>((resolve) => {
      subscriptions.push(duplex.readable$.subscribe((each) => resolve(each.slice())));
    });
    expect(chunk).toEqual(utf8('hello'));
    expect(duplex.peer).toBeUndefined();
  });

  it('errors with connect when nobody listens', async () => {
    const missing = join(folder, 'missing');
    const error = await failure(connectUnix(missing));
    expect(error).toMatchObject({
      kind: 'connect',
      detail: { host: missing, attempts: [{ address: missing }] },
    });
  });

  it('has nothing to do with an error after it has connected', async () => {
    const accepted = new Promise<Socket>((resolve) => unix.once('connection', resolve));
    let outer: unknown;
    const duplex = await new Promise<ByteDuplex>((resolve) => {
      subscriptions.push(
        connectUnix(path).subscribe({ next: resolve, error: (e: unknown) => (outer = e) }),
      );
    });
    (await accepted).destroy();
    await brokenBy(duplex);
    await settled();
    expect(outer).toBeUndefined();
  });
});

describe('listenTcp', () => {
  it('tells where it listens, then who comes', async () => {
    const events: string[] = [];
    const come = new Promise<ByteDuplex>((resolve) => {
      subscriptions.push(
        listenTcp({ port: 0 }).subscribe((event) => {
          events.push(event.type);
          if (event.type === 'listening')
            subscriptions.push(connectTcp({ host: event.address, port: event.port }).subscribe());
          else resolve(event.duplex);
        }),
      );
    });
    const duplex = await come;
    expect(events).toEqual(['listening', 'connection']);
    expect(duplex.peer?.address).toBe('127.0.0.1');
    duplex.destroy();
  });

  it('errors with connect when the address is taken', async () => {
    expect(await failure(listenTcp({ port }))).toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(/^cannot listen on 127\.0\.0\.1: .*EADDRINUSE/),
      detail: { attempts: [{ message: expect.stringContaining('EADDRINUSE') }] },
    });
  });

  it('errors with config for a port that is none', async () => {
    expect(await failure(listenTcp({ port: 70_000 }))).toMatchObject({ kind: 'config' });
  });

  it('is no more when it is unsubscribed, at once or later', async () => {
    listenTcp({ port: 0 }).subscribe().unsubscribe();
    const bound = await new Promise<{ readonly port: number }>((resolve) => {
      subscriptions.push(
        listenTcp({ port: 0 }).subscribe((event) => event.type === 'listening' && resolve(event)),
      );
    });
    for (const subscription of subscriptions) subscription.unsubscribe();
    const error = await failure(connectTcp({ host: '127.0.0.1', port: bound.port }));
    expect(isSshError(error, 'connect')).toBe(true);
  });

  it('goes on when a connection cannot be accepted', async () => {
    const { createServer } = net;
    let inner: Server | undefined;
    jest
      .spyOn(net, 'createServer')
      .mockImplementation((...parameters: Parameters<typeof createServer>) => {
        inner = createServer(...parameters);
        return inner;
      });
    let error: unknown;
    await new Promise<void>((resolve) => {
      subscriptions.push(
        listenTcp({ port: 0 }).subscribe({
          next: () => resolve(),
          error: (each: unknown) => (error = each),
        }),
      );
    });
    inner?.emit('error', new Error('accept EMFILE'));
    expect(error).toBeUndefined();
    expect(inner?.listening).toBe(true);
  });

  it('sets TCP_NODELAY on what it accepts', async () => {
    const create = jest.spyOn(net, 'createServer');
    await kept(listenTcp({ port: 0 }));
    expect(create).toHaveBeenCalledWith(
      expect.objectContaining({ noDelay: true }),
      expect.anything(),
    );
  });
});
