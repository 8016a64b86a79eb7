/** Forwarding by our client and our server: a wire in memory between them, and real sockets at both ends. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { existsSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, type Observable, type OperatorFunction, throwError } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import {
  forwardLocal,
  forwardRemote,
  remoteSocksProxy,
  socksProxy,
} from '../../src/client/forward-node.ts';
import { isSshError, toError } from '../../src/errors.ts';
import type { Endpoint } from '../../src/forwarding/endpoint.ts';
import type { ForwardedConnection, ForwardEvent } from '../../src/forwarding/forward.ts';
import { nodeDial, nodeListen } from '../../src/server/forward-node.ts';
import type { ForwardHandlers } from '../../src/server/forwarding.ts';
import { permitEndpoints } from '../../src/server/permit.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { closeEmbedded, connected, embedded, keepOpen } from '../support/embedded.ts';
import {
  closeSockets,
  dialSocket,
  echo,
  readAll,
  readSome,
  say,
  serveSockets,
  sha256,
} from '../support/tcp.ts';
import { useTempFolder } from '../support/temp-folder.ts';

afterEach(async () => {
  await closeEmbedded();
  await closeSockets();
});
const inFolder = useTempFolder();

const ALL: ForwardHandlers = {
  dial: nodeDial({ permit: () => true }),
  listen: nodeListen({ permit: () => true }),
};

const server = (forward: ForwardHandlers = ALL) => embedded(() => NEVER, { server: { forward } });

/** A forwarding that runs: where it listens, and the connections that it has led on. */
async function running(
  forwarding: OperatorFunction<SshClient, ForwardEvent>,
  client$: Observable<SshClient> = server().client$,
) {
  const connections: ForwardedConnection[] = [];
  let failure: unknown;
  const at = await new Promise<number | string>((resolve, reject) => {
    const subscription = client$.pipe(forwarding).subscribe({
      next: (event) => {
        if (event.type === 'connection') connections.push(event.connection);
        else resolve('port' in event.at ? event.at.port : event.at.socketPath);
      },
      error: (error: unknown) => {
        failure = error;
        reject(toError(error));
      },
    });
    stop = () => subscription.unsubscribe();
    keepOpen(subscription);
  });
  return { at, connections, failure: () => failure };
}

let stop = (): void => undefined;

const local = (port: number) =>
  forwardLocal({ listen: { port: 0 }, to: { host: '127.0.0.1', port } });
const remote = (port: number) =>
  forwardRemote({ listen: { port: 0 }, to: { host: '127.0.0.1', port } });

describe.each([
  ['forwardLocal', local],
  ['forwardRemote', remote],
])('%s', (_name, forwarding) => {
  it('leads connections on, and counts their bytes', async () => {
    const { at, connections } = await running(forwarding(await serveSockets(echo)));
    expect(await say(at, 'hello')).toBe('hello');
    expect(await say(at, 'again, hello')).toBe('again, hello');
    expect(await firstValueFrom(connections[1]!.closed$)).toBeUndefined();
    expect(connections.map(({ bytesSent, bytesReceived }) => [bytesSent, bytesReceived])).toEqual([
      [5, 5],
      [12, 12],
    ]);
    expect(connections[0]).toMatchObject({
      peer: { address: '127.0.0.1' },
      to: { host: '127.0.0.1' },
    });
  });

  it('carries half-closes: the answer comes when the question has ended', async () => {
    const port = await serveSockets((socket) => {
      void readAll(socket).then((all) => socket.end(`${String(all.length)} bytes`));
    });
    const { at } = await running(forwarding(port));
    expect(await say(at, 'x'.repeat(100_000))).toBe('100000 bytes');
  });

  it('carries the end of the target first', async () => {
    let heard: Promise<Buffer> | undefined;
    const port = await serveSockets((socket) => {
      socket.end('welcome');
      heard = readAll(socket);
    });
    const { at, connections } = await running(forwarding(port));
    const socket = await dialSocket(at);
    expect((await readAll(socket)).toString()).toBe('welcome');
    socket.end('and goodbye');
    await firstValueFrom(connections[0]!.closed$);
    expect((await heard)?.toString()).toBe('and goodbye');
  });

  it('carries 20 MiB each way at once, whole', async () => {
    const bytes = Buffer.alloc(20 * 1024 * 1024);
    for (let at = 0; at < bytes.length; at += 4)
      bytes.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
    const { at } = await running(forwarding(await serveSockets(echo)));
    const socket = await dialSocket(at);
    socket.end(bytes);
    expect(sha256(await readAll(socket))).toBe(sha256(bytes));
  });

  it('slows a sender down to the pace of who does not read', async () => {
    const accepted = new Promise<Socket>((resolve) => {
      void serveSockets((socket) => resolve(socket.pause())).then(async (port) => {
        const { at } = await running(forwarding(port));
        const socket = await dialSocket(at);
        const chunk = Buffer.alloc(1024 * 1024);
        const write = (): void => {
          sent += chunk.length;
          if (sent < 200 * chunk.length) socket.write(chunk, write);
        };
        write();
      });
    });
    let sent = 0;
    await accepted;
    for (let before = -1; before !== sent;) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // the channel's window, and the buffers of two sockets
    expect(sent).toBeLessThan(40 * 1024 * 1024);
  });

  it('ends one connection when its target refuses, and no other', async () => {
    const port = await serveSockets(echo);
    await closeSockets();
    const { at, connections } = await running(forwarding(port));
    await expect(say(at, 'hello')).rejects.toMatchObject({ code: 'ECONNRESET' });
    const error = await firstValueFrom(connections[0]!.closed$);
    expect(['channel-open', 'connect']).toContain(error?.kind);
    await serveSockets(echo, undefined, port);
    expect(await say(at, 'hello')).toBe('hello');
  });

  it('closes the listener and the connections when it is unsubscribed', async () => {
    const { at, connections } = await running(forwarding(await serveSockets(echo)));
    const socket = await dialSocket(at);
    socket.write('x');
    await once(socket, 'data');
    const broken = expect(readAll(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
    stop();
    await broken;
    expect(await firstValueFrom(connections[0]!.closed$)).toMatchObject({ kind: 'released' });
    await expect(retried(() => dialSocket(at))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('errors, once, when the connection under it is lost, and so does what stands on it', async () => {
    const { client$, ends } = server();
    const { at, connections, failure } = await running(
      forwarding(await serveSockets(echo)),
      client$,
    );
    const socket = await dialSocket(at);
    socket.write('x');
    await once(socket, 'data');
    const broken = expect(readAll(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
    ends[0]?.destroy();
    expect(await firstValueFrom(connections[0]!.closed$)).toMatchObject({
      kind: 'connection-lost',
    });
    await broken;
    expect(isSshError(failure(), 'connection-lost')).toBe(true);
  });

  it('has 100 connections at once', async () => {
    const { at } = await running(forwarding(await serveSockets(echo)));
    const texts = Array.from({ length: 100 }, (_, i) => `connection ${String(i)} `.repeat(i + 1));
    expect(await Promise.all(texts.map((text) => say(at, text)))).toEqual(texts);
  });

  it('ends those beyond its limit at once', async () => {
    const port = await serveSockets(echo);
    const forwardings = { local: forwardLocal, remote: forwardRemote };
    const which = forwarding === local ? forwardings.local : forwardings.remote;
    const { at, connections } = await running(
      which({ listen: { port: 0 }, to: { host: '127.0.0.1', port }, maxConnections: 1 }),
    );
    const first = await dialSocket(at);
    first.write('x');
    await once(first, 'data');
    await expect(say(at, 'x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await retried(async () => expect(connections.length).toBe(2));
    expect(await firstValueFrom(connections[1]!.closed$)).toMatchObject({ kind: 'overflow' });
    first.end('y');
    expect((await readAll(first)).toString()).toBe('y');
  });
});

describe('unix sockets', () => {
  it('are listened on here, and connected to there', async () => {
    const target = inFolder('target');
    const socketPath = inFolder('here');
    await serveSockets(echo, target);
    const { at } = await running(
      forwardLocal({ listen: { socketPath }, to: { socketPath: target } }),
    );
    expect(await say(at, 'hello')).toBe('hello');
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    stop();
    await expect(retried(() => dialSocket(socketPath))).rejects.toThrow();
    expect(existsSync(socketPath)).toBe(false);
  });

  it('are listened on there, and connected to here', async () => {
    const target = inFolder('target');
    const socketPath = inFolder('there');
    await serveSockets(echo, target);
    const { at, connections } = await running(
      forwardRemote({ listen: { socketPath }, to: { socketPath: target } }),
    );
    expect(await say(at, 'hello')).toBe('hello');
    expect(connections[0]?.to).toEqual({ socketPath: target });
  });

  it('that are there already are left alone', async () => {
    const socketPath = inFolder('mine');
    await serveSockets(echo, socketPath);
    const to = { host: '127.0.0.1', port: 1 };
    await expect(running(forwardLocal({ listen: { socketPath }, to }))).rejects.toMatchObject({
      kind: 'connect',
    });
    await expect(running(forwardRemote({ listen: { socketPath }, to }))).rejects.toMatchObject({
      kind: 'request-refused',
    });
    expect(await say(socketPath, 'still there')).toBe('still there');
  });
});

describe('dial', () => {
  it.each<readonly [string, ForwardHandlers | undefined, number]>([
    ['no handlers at all', undefined, 3],
    ['no handler for it', { listen: ALL.listen! }, 3],
    ['false', { dial: () => false }, 1],
    [
      'a throw',
      {
        dial: () => {
          throw new Error('broken');
        },
      },
      1,
    ],
    ['an error', { dial: () => throwError(() => new Error('broken')) }, 1],
    ['an empty answer', { dial: () => [] }, 1],
    ['a permit that says no', { dial: nodeDial({ permit: () => false }) }, 1],
    [
      'a permit that throws',
      {
        dial: nodeDial({
          permit: () => {
            throw new Error('broken');
          },
        }),
      },
      1,
    ],
    [
      'an address that is not permitted',
      { dial: nodeDial({ permit: (_to, address) => address !== '127.0.0.1' }) },
      1,
    ],
    ['another port', { dial: nodeDial({ permit: permitEndpoints('127.0.0.1:9') }) }, 1],
  ])('is refused by %s', async (_name, forward, reasonCode) => {
    let count = 0;
    const port = await serveSockets(() => count++);
    const client = await connected(
      embedded(() => NEVER, { server: forward === undefined ? {} : { forward } }).client$,
    );
    await expect(firstValueFrom(client.dial('127.0.0.1', port))).rejects.toMatchObject({
      kind: 'channel-open',
      detail: { reasonCode },
    });
    expect(count).toBe(0);
    expect(client.isClosed).toBe(false);
  });

  it('tells a target that refuses from one that is not permitted', async () => {
    const client = await connected(server().client$);
    await expect(firstValueFrom(client.dial('127.0.0.1', 1))).rejects.toMatchObject({
      detail: { reasonCode: 2, description: 'connect failed' },
    });
    await expect(
      firstValueFrom(client.dial({ socketPath: inFolder('nothing') })),
    ).rejects.toMatchObject({ detail: { reasonCode: 2 } });
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['no port', { host: 'a' }],
    ['a text', 'a:80'],
    ['a path that is no text', { socketPath: 5 }],
    ['no host', { host: '', port: 80 }],
    ['a host with a line end', { host: 'a\r\nb', port: 80 }],
    ['port 0', { host: 'a', port: 0 }],
    ['port 65536', { host: 'a', port: 65_536 }],
    ['no path', { socketPath: '' }],
    ['a path with a zero byte', { socketPath: '/a\0b' }],
  ])('takes nothing that is no target: %s', async (_name, to) => {
    const client = await connected(server().client$);
    const dialled$ = client.dial(to as Endpoint);
    await expect(firstValueFrom(dialled$)).rejects.toMatchObject({ kind: 'config' });
  });

  it('lets the target go when it is unsubscribed', async () => {
    let closed: Promise<unknown> | undefined;
    const port = await serveSockets((socket) => {
      closed = readSome(socket);
    });
    const client = await connected(server().client$);
    const duplex = await new Promise<ByteDuplex>((resolve) => {
      const subscription = client.dial('127.0.0.1', port).subscribe((channel) => {
        resolve(channel);
        setImmediate(() => subscription.unsubscribe());
      });
    });
    expect(duplex.peer).toBeUndefined();
    await retried(async () => {
      if (closed === undefined) throw new Error('not yet');
    });
    await closed;
  });
});

describe('listen', () => {
  it('tells the port, several at once, and takes each back by itself', async () => {
    const client = await connected(server().client$);
    const listen = async (host: string) => {
      let at = 0;
      const events: string[] = [];
      const subscription = client
        .listen(host, 0, { listening: (bound) => (at = 'port' in bound ? bound.port : 0) })
        .subscribe({
          next: (duplex) => {
            events.push(duplex.peer?.address ?? '');
            duplex.write(Buffer.from(host), () => duplex.end());
          },
          error: () => undefined,
        });
      keepOpen(subscription);
      await retried(async () => {
        if (at === 0) throw new Error('not yet');
      });
      return { at, subscription, events };
    };
    const one = await listen('127.0.0.1');
    const two = await listen('localhost');
    expect(await say(one.at, '')).toBe('127.0.0.1');
    expect(await say(two.at, '')).toBe('localhost');
    expect(two.events).toEqual(['127.0.0.1']);
    one.subscription.unsubscribe();
    await expect(retried(() => dialSocket(one.at))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await say(two.at, '')).toBe('localhost');
    // taken back, it can be asked for again
    const again = client.listen('127.0.0.1', one.at).subscribe({ error: () => undefined });
    keepOpen(again);
    await retried(async () => (await dialSocket(one.at)).destroy());
  });

  it.each<readonly [string, ForwardHandlers]>([
    ['no handler', { dial: ALL.dial! }],
    ['false', { listen: () => false }],
    [
      'a throw',
      {
        listen: () => {
          throw new Error('broken');
        },
      },
    ],
    ['an error', { listen: () => throwError(() => new Error('broken')) }],
    ['an empty answer', { listen: () => [] }],
    ['a permit that says no', { listen: nodeListen({ permit: permitEndpoints('*:9') }) }],
    ['a limit', { ...ALL, maxListeners: 0 }],
  ])('is refused by %s', async (_name, forward) => {
    const client = await connected(server(forward).client$);
    await expect(firstValueFrom(client.listen('127.0.0.1', 0))).rejects.toMatchObject({
      kind: 'request-refused',
    });
    await expect(
      firstValueFrom(client.listen({ socketPath: inFolder('there') })),
    ).rejects.toMatchObject({ kind: 'request-refused' });
    expect(client.isClosed).toBe(false);
  });

  it('binds to loopback, whatever the client asks for, unless told otherwise', async () => {
    const bound: unknown[] = [];
    const handler = nodeListen({ permit: () => true });
    const listening = handler({ at: { host: '0.0.0.0', port: 0 } }, undefined as never);
    if (listening === false) throw new Error('refused');
    keepOpen((listening as Observable<unknown>).subscribe((event) => bound.push(event)));
    await retried(async () => {
      if (bound.length === 0) throw new Error('not yet');
    });
    expect(bound[0]).toMatchObject({ at: { host: '127.0.0.1' } });
  });

  it('asks for a port once', async () => {
    const client = await connected(server().client$);
    const port = await serveSockets(echo);
    await closeSockets();
    keepOpen(client.listen('127.0.0.1', port).subscribe({ error: () => undefined }));
    await expect(firstValueFrom(client.listen('127.0.0.1', port))).rejects.toMatchObject({
      kind: 'config',
    });
  });

  it('gives a port back that was granted too late', async () => {
    const client = await connected(server().client$);
    const port = await serveSockets(echo);
    await closeSockets();
    client
      .listen('127.0.0.1', port)
      .subscribe({ error: () => undefined })
      .unsubscribe();
    await firstValueFrom(client.globalRequest('keepalive@openssh.com')).catch(() => undefined);
    await expect(retried(() => dialSocket(port))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('waits for a port that is asked for anew before it was granted, and given back', async () => {
    const client = await connected(server().client$);
    const port = await serveSockets(echo);
    await closeSockets();
    const leave = (): void =>
      client
        .listen('127.0.0.1', port)
        .subscribe({ error: () => undefined })
        .unsubscribe();
    const heard: string[] = [];
    // who has left while it waited does not ask at all
    leave();
    leave();
    keepOpen(
      client.listen('127.0.0.1', port, { listening: () => heard.push('listening') }).subscribe({
        next: (duplex) => duplex.end(),
        error: (error: unknown) => heard.push(String(error)),
      }),
    );
    await retried(async () => {
      if (heard.length === 0) throw new Error('not yet');
    });
    expect(heard).toEqual(['listening']);
    await say(port, '');
  });

  it('closes its ports when the connection ends', async () => {
    const { client$ } = server();
    const { at } = await running(remote(await serveSockets(echo)), client$);
    stop();
    await expect(retried(() => dialSocket(at))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('socksProxy', () => {
  const proxy = () => running(socksProxy({ listen: { port: 0 } }));

  /** Speaks SOCKS up to the reply, and some bytes more. */
  async function ask(at: number | string, ...messages: readonly number[][]): Promise<Buffer> {
    const socket = await dialSocket(at);
    for (const message of messages) socket.write(Uint8Array.from(message));
    socket.end('hello');
    return readSome(socket);
  }

  const portBytes = (port: number): number[] => [port >> 8, port & 0xff];
  const ascii = (text: string): number[] => [...Buffer.from(text)];

  it.each(['4', '4a', '5 with IPv4', '5 with a name'])(
    'leads on by version %s',
    async (version) => {
      const port = portBytes(await serveSockets(echo));
      const { at, connections } = await proxy();
      const messages: Record<string, number[][]> = {
        '4': [[4, 1, ...port, 127, 0, 0, 1, ...ascii('me'), 0]],
        '4a': [[4, 1, ...port, 0, 0, 0, 9, 0, ...ascii('localhost'), 0]],
        '5 with IPv4': [
          [5, 1, 0],
          [5, 1, 0, 1, 127, 0, 0, 1, ...port],
        ],
        '5 with a name': [
          [5, 2, 0, 2],
          [5, 1, 0, 3, 9, ...ascii('localhost'), ...port],
        ],
      };
      const answer = await ask(at, ...messages[version]!);
      const reply = version.startsWith('4') ? 8 : 12;
      expect(answer.subarray(reply).toString()).toBe('hello');
      expect(answer[reply === 8 ? 1 : 3]).toBe(reply === 8 ? 90 : 0);
      expect(await firstValueFrom(connections[0]!.closed$)).toBeUndefined();
      expect(connections[0]?.bytesSent).toBe(5);
    },
  );

  it.each([
    [
      'a target that refuses',
      [
        [5, 1, 0],
        [5, 1, 0, 1, 127, 0, 0, 1, 0, 1],
      ],
      [5, 0, 5, 5],
      'channel-open',
    ],
    ['HTTP', [ascii('GET / HTTP/1.1\r\n\r\n')], [], 'protocol'],
    ['a client that wants to log in', [[5, 1, 2]], [5, 0xff], 'protocol'],
    [
      'BIND',
      [
        [5, 1, 0],
        [5, 2, 0, 1, 127, 0, 0, 1, 0, 80],
      ],
      [5, 0, 5, 7],
      'protocol',
    ],
    [
      'half a request',
      [
        [5, 1, 0],
        [5, 1, 0, 3, 200],
      ],
      [5, 0],
      'connection-lost',
    ],
  ] as const)('ends %s with an error of its own', async (_name, messages, reply, kind) => {
    const { at, connections } = await proxy();
    const answer = await ask(at, ...messages.map((message) => [...message]));
    expect([...answer.subarray(0, reply.length)]).toEqual(reply);
    expect(await firstValueFrom(connections[0]!.closed$)).toMatchObject({ kind });
    // nobody else has noticed
    const port = portBytes(await serveSockets(echo));
    const more = await ask(at, [5, 1, 0], [5, 1, 0, 1, 127, 0, 0, 1, ...port]);
    expect(more.subarray(12).toString()).toBe('hello');
  });

  it('gives nobody for ever', async () => {
    const { at, connections } = await running(
      socksProxy({ listen: { port: 0 }, handshakeTimeout: 50 }),
    );
    const socket = await dialSocket(at);
    socket.write(Uint8Array.of(5, 1));
    expect((await readSome(socket)).length).toBe(0);
    expect(await firstValueFrom(connections[0]!.closed$)).toMatchObject({
      kind: 'timeout',
      detail: { phase: 'SOCKS' },
    });
  });

  it('is at the server as well, and leads out here, to what is permitted', async () => {
    const port = await serveSockets(echo);
    const other = await serveSockets(echo);
    const asked: string[] = [];
    const { at, connections } = await running(
      remoteSocksProxy({
        listen: { port: 0 },
        permit: (to, address) => {
          asked.push(`${to.host} ${address}`);
          return to.port === port;
        },
      }),
    );
    const request = (to: number): number[] => [5, 1, 0, 3, 5, ...ascii('127.1'), ...portBytes(to)];
    const answer = await ask(at, [5, 1, 0], request(port));
    expect(answer.subarray(12).toString()).toBe('hello');
    expect(await firstValueFrom(connections[0]!.closed$)).toBeUndefined();
    expect([...(await ask(at, [5, 1, 0], request(other)))].slice(2, 4)).toEqual([5, 5]);
    expect(await firstValueFrom(connections[1]!.closed$)).toMatchObject({ kind: 'connect' });
    expect(asked).toEqual(['127.1 127.0.0.1', '127.1 127.0.0.1']);
  });

  it('takes a request in single bytes', async () => {
    const port = portBytes(await serveSockets(echo));
    const { at } = await proxy();
    const socket = await dialSocket(at);
    socket.setNoDelay(true);
    for (const byte of [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, ...port]) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end('hello');
    expect((await readAll(socket)).subarray(12).toString()).toBe('hello');
  });
});

/** What is about to change has changed: tries until the answer is the one of a closed port, or an open one, for a second. */
async function retried<T>(attempt: () => Promise<T>): Promise<T> {
  let last: { value: T } | { error: unknown } | undefined;
  for (let i = 0; i < 50; i++) {
    const now = await attempt().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (last !== undefined && 'error' in last !== 'error' in now) {
      last = now;
      break;
    }
    last = now;
    if (i > 5 && 'value' in now) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (last === undefined) throw new Error('never tried');
  if ('error' in last) throw last.error;
  return last.value;
}
