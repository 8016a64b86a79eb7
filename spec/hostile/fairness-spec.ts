/** Row R11: a peer that floods our server with tiny packets does not keep the others waiting. Over TCP, as it is Node that reads. */
import { connect as connectSocket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Subscription } from 'rxjs';
import type { ByteDuplex } from '../../src/streams/byte-duplex.ts';
import { listenTcp } from '../../src/streams/listen-tcp-node.ts';
import { socketLink } from '../support/raw-peer/link.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RawPeer } from '../support/raw-peer/raw-peer.ts';
import { type Duel, Subject } from '../support/raw-peer/subject.ts';

/** What Node reads at once. */
const CHUNK = 65_536;

const resources = new Subscription();
afterAll(() => resources.unsubscribe());

/** Sessions with our server over TCP. */
async function listening(): Promise<() => Promise<Duel>> {
  const duplexes: ByteDuplex[] = [];
  const ports: number[] = [];
  resources.add(
    listenTcp({ port: 0 }).subscribe((event) => {
      if (event.type === 'listening') ports.push(event.port);
      else duplexes.push(event.duplex);
    }),
  );
  const next = async <T>(list: T[]): Promise<T> => {
    for (;;) {
      const first = list.shift();
      if (first !== undefined) return first;
      await turn();
    }
  };
  const port = await next(ports);
  return async () => {
    const socket = connectSocket({ host: '127.0.0.1', port, noDelay: true });
    resources.add(() => socket.destroy());
    const subject = new Subject(await next(duplexes), { role: 'server' });
    const peer = new RawPeer(socketLink(socket), { role: 'client' });
    await peer.session();
    await subject.connected();
    return { peer, subject };
  };
}

describe('R11: beside a flood of tiny packets', () => {
  it.each([
    ['IGNORE', message.ignore('')],
    ['requests', message.globalRequest('x', false)],
  ])(
    'of %s an echo waits for a few chunks, not for all that the kernel has',
    async (_, payload) => {
      const session = await listening();
      const hostile = await session();
      const good = await session();
      const channel = await good.peer.openChannel();
      const packets = Array.from({ length: 100_000 }, () => hostile.peer.seal(payload));
      hostile.peer.link.write(Buffer.concat(packets));
      const perChunk = CHUNK / (packets[0]?.length ?? 1);
      const taken = (): number => hostile.subject.transport?.counters.packetsReceived ?? 0;
      const waits: number[] = [];
      for (let round = 0; round < 15; round++) {
        const before = taken();
        good.peer.send(message.data(channel.peer, 'echo'));
        expect((await good.peer.readData(4)).toString()).toBe('echo');
        waits.push(taken() - before);
      }
      // a chunk there and a chunk back, and as much again; without turns it is 32 chunks each
      expect(Math.max(...waits)).toBeLessThan(6 * perChunk);
      expect(waits.filter((each) => each > 0).length).toBeGreaterThan(5);
      await hostile.peer.barrier(10_000);
      expect(hostile.subject.errors).toEqual([]);
    },
    30_000,
  );
});
