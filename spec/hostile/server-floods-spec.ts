/** Rows C10, C12, C13, T7, R4, R5 and R6: what floods of messages, of connections and of tries to log in cost a server. */
import { connect as connectSocket } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { asyncScheduler, lastValueFrom, NEVER, of, Subscription } from 'rxjs';
import type { ServerConnection } from '../../src/server/connection.ts';
import { listen } from '../../src/server/listen-node.ts';
import { memoryInUse, MiB } from '../support/memory.ts';
import { byte, cat, Cursor, str } from '../support/raw-peer/bytes.ts';
import { dial } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { type Served, servedDuel } from '../support/raw-peer/served.ts';
import { expectAlive } from '../support/raw-peer/subject.ts';
import { hostKey } from '../support/transports.ts';

const { Msg } = message;
const MANY = 100_000;
const BATCH = 1_000;

const resources = new Subscription();
afterAll(() => resources.unsubscribe());
afterAll(expectAlive);

/** Sends a payload over and over; answers of a number are read, and counted. */
async function flood(peer: RawPeer, payload: Buffer, answer?: number, many = MANY): Promise<void> {
  for (let sent = 0; sent < many; sent += BATCH) {
    peer.sendBytes(Buffer.concat(Array.from({ length: BATCH }, () => peer.seal(payload))));
    for (let read = 0; answer !== undefined && read < BATCH; read++) await peer.expect(answer);
    expect(await peer.barrier()).toEqual([]);
    // what the raw peer keeps for its own sake
    peer.written.length = 0;
    peer.numbers.length = 0;
  }
}

/** Logged in, with the connection as the server has it. */
async function loggedIn(options: Parameters<typeof servedDuel>[0] = {}): Promise<{
  readonly served: Served;
  readonly peer: RawPeer;
  readonly connection: ServerConnection;
}> {
  const served = servedDuel(options);
  await served.peer.session();
  // what a server tells of itself
  await served.peer.barrier();
  const [{ connection } = { connection: undefined }] = served.events;
  if (connection === undefined) throw new Error('no connection');
  return { served, peer: served.peer, connection };
}

describe('C10: OPENs without end', () => {
  it.each([
    ['of a type that there is not', 'what@example.org', 0, MANY],
    ['beyond the number of sessions', 'session', 10, MANY / 10],
  ])(
    '%s are refused and forgotten',
    async (_, type, sessions, many) => {
      const { served, peer } = await loggedIn();
      for (let count = 0; count < sessions; count++) await peer.openChannel();
      const open = message.open(type, 7, 0x200000, 0x8000);
      peer.send(open);
      const refused = new Cursor((await peer.expect(Msg.OPEN_FAILURE)).payload).skip(5).u32();
      expect(refused).toBe(sessions === 0 ? 3 : 4);
      const before = await memoryInUse();
      await flood(peer, open, Msg.OPEN_FAILURE, many);
      expect((await memoryInUse()) - before).toBeLessThan(2 * MiB);
      expect(served.events.filter(({ type: event }) => event === 'session')).toHaveLength(sessions);
      expect(served.isOver()).toBe(false);
    },
    60_000,
  );

  it('and the sessions that there are live on; one that ends makes room for one', async () => {
    const { peer } = await loggedIn({
      exec: () => NEVER,
    });
    const channels = [];
    for (let count = 0; count < 10; count++) channels.push(await peer.openChannel());
    const [first] = channels;
    peer.send(message.open('session', 99, 0x200000, 0x8000));
    await peer.expect(Msg.OPEN_FAILURE);
    for (const { peer: recipient } of channels)
      peer.send(message.request(recipient, 'exec', true, str('x')));
    for (let count = 0; count < 10; count++) await peer.expect(Msg.SUCCESS);
    peer.send(message.close(first?.peer ?? 0));
    await peer.until(Msg.CLOSE);
    await peer.openChannel();
  });
});

describe('C12, C13: answers that nobody has asked for', () => {
  it.each([
    ['REQUEST_SUCCESS', (_: number) => cat(byte(81), 'x')],
    ['REQUEST_FAILURE', (_: number) => byte(82)],
    ['CHANNEL_SUCCESS', (channel: number) => message.success(channel)],
    ['CHANNEL_FAILURE', (channel: number) => message.failure(channel)],
  ])(
    '%s, a hundred thousand times, are dropped; a real question gets its own',
    async (_, payload) => {
      const { peer, connection } = await loggedIn();
      const { peer: channel } = await peer.openChannel();
      const before = await memoryInUse();
      await flood(peer, payload(channel));
      expect((await memoryInUse()) - before).toBeLessThan(MiB);
      const reply = lastValueFrom(connection.globalRequest('what@example.org'));
      await peer.expect(Msg.GLOBAL_REQUEST);
      peer.send(cat(byte(81), 'its own'));
      expect(Buffer.from(await reply).toString()).toBe('its own');
    },
    60_000,
  );
});

describe('R4: a hundred clients before their login', () => {
  const worst: readonly (readonly [string, (peer: RawPeer) => Promise<void>])[] = [
    [
      'tries as long as a packet may be, while one is judged',
      async (peer) => {
        await peer.handshake();
        await peer.requestService();
        // one is judged, sixteen wait, and one is not there as a whole
        peer.send(message.password('one'));
        for (let count = 0; count < 16; count++) peer.send(message.password('x'.repeat(34_000)));
        await peer.barrier();
        peer.sendBytes(peer.seal(message.password('x'.repeat(34_000))).subarray(0, 34_000));
      },
    ],
    [
      'a KEXINIT full of names',
      async (peer) => {
        await peer.identifyBoth();
        const names = Array.from({ length: 3_000 }, (_, at) => `k${String(at)}`);
        peer.send(peer.kexInit({ kex: ['curve25519-sha256', ...names] }));
        await peer.readKexInit();
      },
    ],
  ];
  it.each(worst)(
    'with %s take less than 1 MiB each',
    async (_, go) => {
      const before = await memoryInUse();
      for (let count = 0; count < 100; count++) {
        const { peer } = servedDuel({ authenticate: () => NEVER });
        await go(peer);
        peer.written.length = 0;
      }
      expect((await memoryInUse()) - before).toBeLessThan(100 * MiB);
    },
    30_000,
  );
});

describe('R6: a hundred wrong passwords at once', () => {
  it('do not hold the loop up', async () => {
    const peers: RawPeer[] = [];
    for (let count = 0; count < 100; count++) {
      const { peer } = servedDuel({
        scheduler: asyncScheduler,
        authentication: { failureDelay: 50 },
        authenticate: () => of(false),
      });
      await peer.handshake();
      await peer.requestService();
      peers.push(peer);
    }
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await Promise.all(
      peers.map(async (peer) => {
        peer.send(message.password('wrong'));
        await peer.until(Msg.AUTH_FAILURE, 10_000);
      }),
    );
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(100);
  });
});

describe('R5: key exchanges as many as a source may have, over and over', () => {
  it.each([
    ['curve25519-sha256', 32],
    ['diffie-hellman-group16-sha512', 512],
    ['diffie-hellman-group18-sha512', 1024],
  ])(
    'by %s leave time for a session that is there',
    async (kex, length) => {
      const port = await new Promise<number>((resolve) => {
        const options = {
          ...{ port: 0, hostKeys: [hostKey], maxPerSource: 11 },
          authenticate: () => true,
          authentication: { allowNone: true },
        };
        resources.add(
          listen(options).subscribe((event) => {
            if (event.type === 'listening') resolve(event.port);
          }),
        );
      });
      const good = new RawPeer(await dial(port), { role: 'client' });
      await good.handshake();
      await good.login('none');
      // no work at all for whoever sends it: the same value each time
      const hostile = new RawPeer(await dial(port), { role: 'client' });
      const hello = Buffer.concat([
        Buffer.from('SSH-2.0-raw\r\n'),
        hostile.packet(hostile.kexInit({ kex: [kex] })),
        hostile.packet(cat(byte(30), str(Buffer.alloc(length, 0x55)))),
      ]);
      let exchanges = 0;
      let isOver = false;
      const attack = (): void => {
        const socket = connectSocket(port, '127.0.0.1', () => socket.write(hello));
        let received = 0;
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (received < 1_000) return;
          exchanges++;
          socket.destroy();
        });
        socket.on('error', () => undefined);
        socket.on('close', () => {
          if (!isOver) attack();
        });
      };
      for (let count = 0; count < 8; count++) attack();
      const times: number[] = [];
      const until = performance.now() + 2_000;
      while (performance.now() < until) {
        const asked = performance.now();
        await good.barrier();
        times.push(performance.now() - asked);
        await pause(5);
      }
      isOver = true;
      times.sort((a, b) => a - b);
      expect(exchanges).toBeGreaterThan(20);
      expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(200);
    },
    30_000,
  );
});
