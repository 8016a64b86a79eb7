/** Rows C11, C17 and R15: peers that forward what nobody has asked for, and ask for what nobody may have. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, NEVER, Observable, Subscription } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { toError } from '../../src/errors.ts';
import type { Endpoint } from '../../src/forwarding/endpoint.ts';
import type { ListenerEvent } from '../../src/forwarding/forward.ts';
import {
  directStreamlocal,
  directTcpip,
  forwardedStreamlocal,
  forwardedTcpip,
  streamlocalForward,
  tcpipForward,
} from '../../src/messages/forwarding.ts';
import type { ServerConnection } from '../../src/server/connection.ts';
import type { ForwardHandlers } from '../../src/server/forwarding.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { closeEmbedded, connected, embedded, keepOpen, turn } from '../support/embedded.ts';

afterEach(closeEmbedded);

const NO_BYTES = new Uint8Array(0);

const tcp = (connectedAddress: string, connectedPort: number): Uint8Array =>
  forwardedTcpip.encode({
    ...{ connectedAddress, connectedPort },
    ...{ originatorAddress: '192.0.2.1', originatorPort: 1234 },
  });

/** What becomes of an OPEN: the reason of its refusal, or `opened`. */
async function outcome(opening: Observable<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    keepOpen(
      opening.subscribe({
        next: () => resolve('opened'),
        error: (error: unknown) =>
          resolve(
            (error as { detail: { reasonCode?: number } }).detail.reasonCode ??
              toError(error).message,
          ),
      }),
    );
  });
}

describe('a server that opens channels', () => {
  /** A client, and the hand of its server. */
  async function pair(): Promise<{ client: SshClient; server: ServerConnection }> {
    const { client$, events } = embedded(() => NEVER, {
      server: {
        globalRequests: { ...grant('tcpip-forward'), ...grant('streamlocal-forward@openssh.com') },
      },
    });
    const client = await connected(client$);
    return { client, server: events[0]!.connection };
  }

  const grant = (name: string) => ({ [name]: () => true });

  it.each([
    ['forwarded-tcpip', tcp('127.0.0.1', 80), 1],
    [
      'forwarded-streamlocal@openssh.com',
      forwardedStreamlocal.encode({ socketPath: '/x', reserved: NO_BYTES }),
      1,
    ],
    ['forwarded-tcpip', NO_BYTES, 1],
    ['forwarded-tcpip', tcp('127.0.0.1', 80).subarray(0, -1), 1],
    ['direct-tcpip', NO_BYTES, 3],
    ['direct-streamlocal@openssh.com', NO_BYTES, 3],
    ['session', NO_BYTES, 3],
    ['x11', NO_BYTES, 3],
    ['auth-agent@openssh.com', NO_BYTES, 3],
    ['tun@openssh.com', NO_BYTES, 3],
  ])('is refused %s that nobody has asked for', async (type, payload, reasonCode) => {
    const { client, server } = await pair();
    expect(await outcome(server.openChannel(type, payload))).toBe(reasonCode);
    expect(client.isClosed).toBe(false);
  });

  it('is refused all but the address and port that were asked for', async () => {
    const { client, server } = await pair();
    const taken: ByteDuplex[] = [];
    const listening = client.listen('127.0.0.1', 8080).subscribe({
      next: (duplex) => taken.push(duplex),
      error: () => undefined,
    });
    keepOpen(listening);
    await turn();
    const open = (address: string, port: number) =>
      outcome(server.openChannel('forwarded-tcpip', tcp(address, port)));
    expect(await open('127.0.0.1', 8081)).toBe(1);
    expect(await open('localhost', 8080)).toBe(1);
    expect(await open('', 8080)).toBe(1);
    expect(await open('0.0.0.0', 8080)).toBe(1);
    expect(taken.length).toBe(0);
    expect(await open('127.0.0.1', 8080)).toBe('opened');
    expect(taken[0]?.peer).toEqual({ address: '192.0.2.1', port: 1234 });
    listening.unsubscribe();
    expect(await open('127.0.0.1', 8080)).toBe(1);
  });

  it('is refused a unix socket by the name of a port, and the other way round', async () => {
    const { client, server } = await pair();
    keepOpen(client.listen({ socketPath: 'tcp a 1' }).subscribe({ error: () => undefined }));
    keepOpen(client.listen('a', 2).subscribe({ error: () => undefined }));
    await turn();
    expect(await outcome(server.openChannel('forwarded-tcpip', tcp('a', 1)))).toBe(1);
    const path = forwardedStreamlocal.encode({ socketPath: 'unix a 2', reserved: NO_BYTES });
    expect(await outcome(server.openChannel('forwarded-streamlocal@openssh.com', path))).toBe(1);
  });

  it('ends the connection by a port that is none', async () => {
    const { client$ } = embedded(() => NEVER, {
      server: { globalRequests: { 'tcpip-forward': () => Uint8Array.of(0, 1, 0, 0) } },
    });
    const client = await connected(client$);
    await expect(firstValueFrom(client.listen('127.0.0.1', 0))).rejects.toMatchObject({
      kind: 'protocol',
    });
    expect(client.isClosed).toBe(true);
  });
});

describe('a client that asks', () => {
  /** What the handlers were asked for. */
  let asked: Endpoint[] = [];
  let arrive: ((duplex: ByteDuplex) => void)[] = [];
  let listeners = 0;

  const handlers: ForwardHandlers = {
    dial: ({ to }) => {
      asked.push(to);
      return [memoryPair()[0]];
    },
    listen: ({ at }) =>
      new Observable<ListenerEvent>((subscriber) => {
        asked.push(at);
        listeners++;
        const port = 'port' in at && at.port === 0 ? 40_000 + listeners : 0;
        subscriber.next({
          type: 'listening',
          at: 'port' in at ? { ...at, port: at.port || port } : at,
        });
        arrive.push((duplex) => subscriber.next({ type: 'connection', duplex }));
        return () => listeners--;
      }),
  };

  const client = (more: ForwardHandlers = {}): Promise<SshClient> => {
    asked = [];
    arrive = [];
    listeners = 0;
    return connected(
      embedded(() => NEVER, { server: { forward: { ...handlers, ...more } } }).client$,
    );
  };

  const dial = (hostToConnect: string, portToConnect: number): Uint8Array =>
    directTcpip.encode({
      ...{ hostToConnect, portToConnect },
      ...{ originatorAddress: '', originatorPort: 0xffff_ffff },
    });

  it.each<readonly [string, string, Uint8Array]>([
    ['port 0', 'direct-tcpip', dial('a', 0)],
    ['port 65536', 'direct-tcpip', dial('a', 65_536)],
    ['port -1', 'direct-tcpip', dial('a', 0xffff_ffff)],
    ['no host', 'direct-tcpip', dial('', 80)],
    ['a host with a zero byte', 'direct-tcpip', dial('a\0b', 80)],
    ['a host of 256 bytes', 'direct-tcpip', dial('a'.repeat(256), 80)],
    ['nothing', 'direct-tcpip', NO_BYTES],
    ['bytes too many', 'direct-tcpip', Uint8Array.from([...dial('a', 80), 0])],
    [
      'no path',
      'direct-streamlocal@openssh.com',
      directStreamlocal.encode({ socketPath: '', reserved: NO_BYTES, reservedPort: 0 }),
    ],
    [
      'a path with a zero byte',
      'direct-streamlocal@openssh.com',
      directStreamlocal.encode({ socketPath: '/a\0', reserved: NO_BYTES, reservedPort: 0 }),
    ],
  ])('is refused to dial %s, before the policy hears of it', async (_name, type, payload) => {
    const connection = await client();
    expect(await outcome(connection.openChannel(type, payload))).toBe(1);
    expect(asked).toEqual([]);
    expect(await outcome(connection.dial('fine', 80))).toBe('opened');
  });

  const listen = (bindAddress: string, bindPort: number): Uint8Array =>
    tcpipForward.encode({ bindAddress, bindPort });

  it.each<readonly [string, string, Uint8Array]>([
    ['port 65536', 'tcpip-forward', listen('', 65_536)],
    ['port -1', 'tcpip-forward', listen('', 0xffff_ffff)],
    ['an address with a blank', 'tcpip-forward', listen('a b', 80)],
    ['nothing', 'tcpip-forward', NO_BYTES],
    ['no path', 'streamlocal-forward@openssh.com', streamlocalForward.encode({ socketPath: '' })],
  ])('is refused to listen at %s', async (_name, name, payload) => {
    const connection = await client();
    await expect(firstValueFrom(connection.globalRequest(name, payload))).rejects.toMatchObject({
      kind: 'request-refused',
    });
    expect(asked).toEqual([]);
    expect(connection.isClosed).toBe(false);
  });

  const granted = (connection: SshClient, name: string, payload: Uint8Array): Promise<boolean> =>
    firstValueFrom(connection.globalRequest(name, payload)).then(
      () => true,
      () => false,
    );

  it('has ten listeners, and may have another when it takes one back', async () => {
    const connection = await client();
    for (let i = 0; i < 10; i++)
      expect(await granted(connection, 'tcpip-forward', listen('', 9000 + i))).toBe(true);
    expect(await granted(connection, 'tcpip-forward', listen('', 9010))).toBe(false);
    expect(await granted(connection, 'cancel-tcpip-forward', listen('', 9003))).toBe(true);
    expect(await granted(connection, 'cancel-tcpip-forward', listen('', 9003))).toBe(false);
    expect(await granted(connection, 'tcpip-forward', listen('', 9010))).toBe(true);
    expect(listeners).toBe(10);
  });

  it('takes back only what is its own, by the name that it has given', async () => {
    const connection = await client();
    await granted(connection, 'tcpip-forward', listen('', 9000));
    const other = await connected(embedded(() => NEVER, { server: { forward: handlers } }).client$);
    for (const [address, port] of [['', 9000]] as const)
      expect(await granted(other, 'cancel-tcpip-forward', listen(address, port))).toBe(false);
    for (const [address, port] of [
      ['localhost', 9000],
      ['', 9001],
      ['', 0],
    ] as const)
      expect(await granted(connection, 'cancel-tcpip-forward', listen(address, port))).toBe(false);
    expect(listeners).toBe(1);
    // the same place twice is once
    expect(await granted(connection, 'tcpip-forward', listen('', 9000))).toBe(false);
  });

  it('is answered when it takes back what was not answered yet', async () => {
    const connection = await client({ listen: () => NEVER });
    const first = granted(connection, 'tcpip-forward', listen('', 9000));
    const second = granted(connection, 'cancel-tcpip-forward', listen('', 9000));
    expect(await first).toBe(false);
    expect(await second).toBe(true);
  });

  it('has its listeners closed with the connection, also those that are not answered', async () => {
    const subscription = new Subscription();
    const { client$ } = embedded(() => NEVER, { server: { forward: handlers } });
    listeners = 0;
    const connection = await new Promise<SshClient>((resolve) =>
      subscription.add(client$.subscribe(resolve)),
    );
    for (let i = 0; i < 5; i++) await granted(connection, 'tcpip-forward', listen('', i));
    expect(listeners).toBe(5);
    subscription.unsubscribe();
    for (let i = 0; i < 10; i++) await turn();
    expect(listeners).toBe(0);
  });

  it('has what comes beyond a limit closed, and what it does not take', async () => {
    const connection = await client({ maxForwarded: 2 });
    const taken: ByteDuplex[] = [];
    keepOpen(
      connection.listen('', 9000).subscribe({
        next: (duplex) => taken.push(duplex),
        error: () => undefined,
      }),
    );
    await turn();
    const far = [1, 2, 3].map(() => {
      const [near, end] = memoryPair();
      arrive[0]?.(near);
      const state = { isLost: false };
      keepOpen(end.readable$.subscribe({ error: () => (state.isLost = true) }));
      return state;
    });
    for (let i = 0; i < 10; i++) await turn();
    expect(taken.length).toBe(2);
    expect(far.map(({ isLost }) => isLost)).toEqual([false, false, true]);
    taken[0]?.destroy();
    for (let i = 0; i < 10; i++) await turn();
    expect(far[0]?.isLost).toBe(true);
  });
});
