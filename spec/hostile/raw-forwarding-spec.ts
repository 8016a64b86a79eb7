/** Rows C11, C17 and C18 by a raw peer, whose fields of RFC 4254 §7 and OpenSSH's PROTOCOL 2.4 are written by nothing of ours. */
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Observable, of, Subscription } from 'rxjs';
import type { SshClient } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import type { Endpoint } from '../../src/forwarding/endpoint.ts';
import type { ListenerEvent } from '../../src/forwarding/forward.ts';
import { nodeDial } from '../../src/server/forward-node.ts';
import type { ForwardHandlers } from '../../src/server/forwarding.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { memoryPair } from '../../src/streams/memory-pair.ts';
import { type Bytes, cat, Cursor, str, u32 } from '../support/raw-peer/bytes.ts';
import { duplexLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { type Served, servedDuel } from '../support/raw-peer/served.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';
import { Waiter } from '../support/raw-peer/waiter.ts';
import { closeSockets, echo, serveSockets } from '../support/tcp.ts';

const { Msg } = message;
const [PROHIBITED, UNKNOWN_TYPE] = [1, 3];

let running = new Subscription();

afterEach(async () => {
  running.unsubscribe();
  running = new Subscription();
  await closeSockets();
});
afterAll(expectAlive);

/** Two addresses and two ports: direct-tcpip and forwarded-tcpip. */
const tcp = (host: Bytes, port: number): Buffer =>
  cat(str(host), u32(port), str('192.0.2.1'), u32(1234));
const directSocket = (path: Bytes): Buffer => cat(str(path), str(''), u32(0));
const bind = (host: Bytes, port: number): Buffer => cat(str(host), u32(port));

/** The reason of a refusal, or 0. */
async function open(peer: RawPeer, type: string, data: Bytes): Promise<number> {
  peer.send(message.open(type, 7, 0x20_0000, 0x8000, data));
  for (;;) {
    const { number, payload } = await peer.read();
    if (number === Msg.OPEN_CONFIRMATION) return 0;
    if (number === Msg.OPEN_FAILURE) return new Cursor(payload).skip(5).u32();
  }
}

/** What a global request is granted with, or nothing. */
async function request(peer: RawPeer, name: string, data: Bytes): Promise<Buffer | undefined> {
  peer.send(message.globalRequest(name, true, data));
  for (;;) {
    const { number, payload } = await peer.read();
    if (number === Msg.REQUEST_SUCCESS) return payload.subarray(1);
    if (number === Msg.REQUEST_FAILURE) return undefined;
  }
}

/** What handlers that allow everything are asked for. */
interface Forwards {
  readonly asked: Endpoint[];
  /** Where is listened now, and a connection for each. */
  readonly listening: Map<Endpoint, (duplex: ByteDuplex) => void>;
  readonly forward: ForwardHandlers;
}

function forwards(): Forwards {
  const asked: Endpoint[] = [];
  const listening: Forwards['listening'] = new Map();
  const forward: ForwardHandlers = {
    dial: ({ to }) => {
      asked.push(to);
      return of(memoryPair()[0]);
    },
    listen: ({ at }) =>
      new Observable<ListenerEvent>((out) => {
        asked.push(at);
        const bound = 'port' in at && at.port === 0 ? { ...at, port: 40_000 } : at;
        listening.set(at, (duplex) => out.next({ type: 'connection', duplex }));
        out.next({ type: 'listening', at: bound });
        return () => listening.delete(at);
      }),
  };
  return { asked, listening, forward };
}

async function server(options: Partial<ServeOptions>): Promise<Served> {
  const served = servedDuel(options);
  await served.peer.session();
  await served.peer.barrier();
  return served;
}

const OPENS: readonly (readonly [string, Buffer])[] = [
  ['direct-tcpip', tcp('127.0.0.1', 80)],
  ['direct-streamlocal@openssh.com', directSocket('/x')],
  ['tun@openssh.com', cat(u32(1), u32(0x7fff_ffff))],
  ['forwarded-tcpip', tcp('127.0.0.1', 80)],
  ['forwarded-streamlocal@openssh.com', cat(str('/x'), str(''))],
  ['x11', cat(str('192.0.2.1'), u32(1))],
  ['auth-agent@openssh.com', Buffer.alloc(0)],
];
const REQUESTS: readonly (readonly [string, Buffer])[] = [
  ['tcpip-forward', bind('127.0.0.1', 0)],
  ['tcpip-forward', bind('', 8080)],
  ['streamlocal-forward@openssh.com', str('/x')],
  ['cancel-tcpip-forward', bind('127.0.0.1', 8080)],
  ['cancel-streamlocal-forward@openssh.com', str('/x')],
];

describe('C17: our server', () => {
  const all = forwards();
  const forced = { accept: true, permissions: { command: 'only this' } } as const;
  const none = { accept: true, permissions: { portForwarding: false } } as const;

  it.each<[string, Partial<ServeOptions>]>([
    ['that was told nothing', {}],
    ['whose handlers say no', { forward: { dial: () => false, listen: () => false } }],
    ['for a login without forwarding', { forward: all.forward, authenticate: () => none }],
    ['for a login with a forced command', { forward: all.forward, authenticate: () => forced }],
  ])('%s refuses every kind', async (_which, options) => {
    const { peer } = await server(options);
    for (const [type, data] of OPENS)
      expect([PROHIBITED, UNKNOWN_TYPE]).toContain(await open(peer, type, data));
    for (const [name, data] of REQUESTS) expect(await request(peer, name, data)).toBeUndefined();
    expect(all.asked).toEqual([]);
    // the connection is as good as before
    await peer.openChannel();
  });

  it('asks no handler about what is no place', async () => {
    const { asked, forward } = forwards();
    const { peer } = await server({ forward });
    for (const data of [
      ...[tcp('a', 0), tcp('a', 65_536), tcp('a', 0xffff_ffff), tcp('', 80), tcp('a\0b', 80)],
      ...[tcp('a', 80).subarray(0, -1), cat(tcp('a', 80), 'x'), cat(u32(0xffff_ffff), 'a')],
    ])
      expect(await open(peer, 'direct-tcpip', data)).toBe(PROHIBITED);
    for (const data of [directSocket(''), directSocket('/a\0b'), str('/x')])
      expect(await open(peer, 'direct-streamlocal@openssh.com', data)).toBe(PROHIBITED);
    for (const data of [bind('', 65_536), bind('', 0xffff_ffff), bind('a b', 80), str('a')])
      expect(await request(peer, 'tcpip-forward', data)).toBeUndefined();
    for (const data of [str(''), str('/a\0b'), u32(0xffff_ffff)])
      expect(await request(peer, 'streamlocal-forward@openssh.com', data)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await open(peer, 'direct-tcpip', tcp('a', 80))).toBe(0);
    expect(asked).toEqual([{ host: 'a', port: 80 }]);
  });

  it('tells the port where none was named, and who has come by the names that were given', async () => {
    const { listening, forward } = forwards();
    const { peer } = await server({ forward });
    expect(await request(peer, 'tcpip-forward', bind('localhost', 0))).toEqual(u32(40_000));
    expect(await request(peer, 'tcpip-forward', bind('localhost', 8080))).toEqual(Buffer.alloc(0));
    for (const arrive of listening.values()) {
      const from = { address: '192.0.2.9', port: 99 };
      arrive(Object.assign(memoryPair()[0], { peer: from }));
    }
    for (const port of [40_000, 8080]) {
      const cursor = new Cursor((await peer.until(Msg.OPEN)).payload).skip(1);
      expect(cursor.text()).toBe('forwarded-tcpip');
      cursor.skip(12);
      expect([cursor.text(), cursor.u32()]).toEqual(['localhost', port]);
      expect([cursor.text(), cursor.u32()]).toEqual(['192.0.2.9', 99]);
    }
  });

  it('takes back what a client names, and only of its own', async () => {
    const { listening, forward } = forwards();
    const { peer } = await server({ forward });
    const other = await server({ forward });
    await request(peer, 'tcpip-forward', bind('localhost', 0));
    await request(peer, 'streamlocal-forward@openssh.com', str('/x'));
    const cancel = (who: RawPeer, host: string, port: number) =>
      request(who, 'cancel-tcpip-forward', bind(host, port));
    expect(await cancel(other.peer, 'localhost', 40_000)).toBeUndefined();
    expect(
      await request(other.peer, 'cancel-streamlocal-forward@openssh.com', str('/x')),
    ).toBeUndefined();
    expect(await cancel(peer, '127.0.0.1', 40_000)).toBeUndefined();
    expect(listening.size).toBe(2);
    expect(await cancel(peer, 'localhost', 40_000)).toEqual(Buffer.alloc(0));
    expect(await request(peer, 'cancel-streamlocal-forward@openssh.com', str('/x'))).toEqual(
      Buffer.alloc(0),
    );
    expect(listening.size).toBe(0);
    expect(await cancel(peer, 'localhost', 40_000)).toBeUndefined();
  });
});

describe('C18: our server', () => {
  it.each(['127.1', '0x7f.1', '2130706433', '::ffff:127.0.0.1', '[::ffff:127.0.0.1]', 'localhost'])(
    'does not take %s for another place than it is',
    async (host) => {
      const accepted: unknown[] = [];
      const port = await serveSockets((socket) => {
        accepted.push(socket);
        echo(socket);
      });
      const dial = nodeDial({
        permit: (_to, address) => address !== '127.0.0.1' && address !== '::1',
      });
      const { peer } = await server({ forward: { dial } });
      expect(await open(peer, 'direct-tcpip', tcp(host, port))).not.toBe(0);
      expect(accepted).toEqual([]);
    },
  );
});

describe('C11: our client', () => {
  interface Situation {
    readonly peer: RawPeer;
    readonly client: SshClient;
    readonly taken: ByteDuplex[];
  }

  async function client(): Promise<Situation> {
    const [ours, theirs] = memoryPair();
    const peer = new RawPeer(duplexLink(theirs), { role: 'server' });
    let emitted: SshClient | undefined;
    const changes = new Waiter();
    running.add(
      connect({
        ...{ duplex: ours, host: 'db1', user: 'me', password: 'right' },
        hostKeys: { policy: 'no', warn: () => undefined },
      }).subscribe({
        next: (it) => {
          emitted = it;
          changes.wake();
        },
        error: () => undefined,
      }),
    );
    await peer.session();
    return { peer, client: await changes.until('a client', () => emitted), taken: [] };
  }

  /** Has the client listen over there, and grants it. */
  async function grant({ peer, client, taken }: Situation, host: string): Promise<Subscription> {
    const listening = client.listen(host, 8080).subscribe({
      next: (duplex) => taken.push(duplex),
      error: () => undefined,
    });
    running.add(listening);
    const cursor = new Cursor((await peer.until(Msg.GLOBAL_REQUEST)).payload).skip(1);
    expect([cursor.text(), cursor.bool()]).toEqual(['tcpip-forward', true]);
    expect([cursor.text(), cursor.u32()]).toEqual([host, 8080]);
    peer.sendNumber(Msg.REQUEST_SUCCESS);
    await peer.barrier();
    return listening;
  }

  it('refuses every kind that it has not asked for', async () => {
    const { peer } = await client();
    for (const [type, data] of [...OPENS, ['session', Buffer.alloc(0)] as const])
      expect([PROHIBITED, UNKNOWN_TYPE]).toContain(await open(peer, type, data));
  });

  it('takes connections to where it listens, and nowhere else', async () => {
    const situation = await client();
    const { peer, taken } = situation;
    const listening = await grant(situation, '127.0.0.1');
    for (const data of [
      ...[tcp('127.0.0.1', 8081), tcp('localhost', 8080), tcp('', 8080), tcp('0.0.0.0', 8080)],
      ...[tcp('127.0.0.1', 8080).subarray(0, -1), cat(tcp('127.0.0.1', 8080), 'x')],
    ])
      expect(await open(peer, 'forwarded-tcpip', data)).toBe(PROHIBITED);
    const socket = cat(str('127.0.0.1:8080'), str(''));
    expect(await open(peer, 'forwarded-streamlocal@openssh.com', socket)).toBe(PROHIBITED);
    expect(taken).toEqual([]);
    expect(await open(peer, 'forwarded-tcpip', tcp('127.0.0.1', 8080))).toBe(0);
    expect(taken.map((duplex) => duplex.peer)).toEqual([{ address: '192.0.2.1', port: 1234 }]);
    listening.unsubscribe();
    expect(await open(peer, 'forwarded-tcpip', tcp('127.0.0.1', 8080))).toBe(PROHIBITED);
  });
});
