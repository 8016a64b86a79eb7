/** Rows T8, T9 and T10: no packet gets through of which a bit was changed, or the end was cut off. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import type { TraceEvent } from '../../src/streams/trace.ts';
import { equalBytesConstantTime } from '../../src/wire/bytes.ts';
import { Cursor } from '../support/raw-peer/bytes.ts';
import { channelDuel } from '../support/raw-peer/channels.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RAW_SUITES, suiteName, type SuiteRow } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

/** What follows a packet whose length was made larger: enough for any length that is accepted before a login. */
const FILLER = Buffer.alloc(36_000);

interface Attacked extends Duel {
  /** Messages that were taken in after the attack. */
  readonly taken: string[];
}

async function keyed(role: 'client' | 'server', suite: SuiteRow): Promise<Attacked> {
  const taken: string[] = [];
  const trace = (event: TraceEvent): void => {
    if (event.type === 'packet' && event.direction === 'in') taken.push(event.message);
  };
  const { peer, subject } = duel({ role, transportOnly: true, transport: { trace } }, { suite });
  await peer.handshake();
  await subject.opened();
  taken.length = 0;
  return { peer, subject, taken };
}

/** The reason of the DISCONNECT that the bytes lead to; 0 for a message that was taken. */
async function reasonFor({ peer, subject, taken }: Attacked, bytes: Buffer): Promise<number> {
  peer.sendBytes(Buffer.concat([bytes, FILLER]));
  const { payload } = await peer.until(1);
  await peer.expectEnd();
  const error = await subject.ended();
  const reason = new Cursor(payload).skip(1).u32();
  const isOne = isSshError(error, 'protocol') && subject.errors.length === 1 && taken.length === 0;
  return isOne && error.detail.disconnectReason === reason ? reason : 0;
}

afterAll(expectAlive);

describe.each(ROLES)('T8: our %s', (role) => {
  it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
    'ends at a changed bit of a packet: %s',
    async (_, suite) => {
      const reasons = new Set<number>();
      const { peer, subject } = await keyed(role, suite);
      const size = peer.seal(message.debug('')).length;
      subject.stop();
      // the stages are the same in both roles: every bit for one of them, some for the other
      const step = role === 'server' ? 1 : 11;
      for (let bit = 0; bit < size * 8; bit += step) {
        const attacked = await keyed(role, suite);
        const packet = attacked.peer.seal(message.debug(''));
        packet.writeUInt8(packet.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        reasons.add(await reasonFor(attacked, packet));
      }
      // a length out of bounds is told like a wrong MAC: 2 is for what was authentic
      expect([...reasons]).toEqual([5]);
    },
    60_000,
  );

  it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
    'takes no packet twice, left out or in another order: %s',
    async (_, suite) => {
      for (const order of [[0, 0], [1], [1, 0]]) {
        const attacked = await keyed(role, suite);
        const packets = [message.ignore('first'), message.ignore('second')].map((payload) =>
          attacked.peer.seal(payload),
        );
        attacked.peer.sendBytes(Buffer.concat(order.map((at) => packets[at] ?? Buffer.alloc(0))));
        attacked.peer.sendBytes(FILLER);
        await attacked.peer.expectDisconnect(5);
        expect(attacked.taken).toEqual(order[1] === 0 && order[0] === 0 ? ['IGNORE'] : []);
      }
    },
  );
});

describe.each(ROLES)('T9: our %s', (role) => {
  it.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))(
    'does not take a last packet without the end of its tag: %s',
    async (_, suite) => {
      const { tag } = (await keyed(role, suite)).peer.outbound;
      for (let missing = 1; missing <= tag; missing++) {
        const { peer, subject, taken } = await keyed(role, suite);
        const packet = peer.seal(message.disconnect());
        peer.sendBytes(packet.subarray(0, packet.length - missing));
        peer.close();
        expect((await subject.ended()).kind).toBe('connection-lost');
        expect(taken).toEqual([]);
      }
    },
  );

  it('takes an exec whose end was cut off for no whole one', async () => {
    const { peer, channel, raw } = await channelDuel({ role });
    const received: string[] = [];
    const ended = new Promise<unknown>((resolve) => {
      channel.stdout$.subscribe({
        next: (chunk) => received.push(Buffer.from(chunk).toString()),
        error: resolve,
        complete: () => resolve('complete'),
      });
    });
    peer.send(message.data(raw.peer, 'half of it'));
    const close = peer.seal(message.close(raw.peer));
    peer.sendBytes(close.subarray(0, -1));
    peer.close();
    expect(isSshError(await ended, 'connection-lost')).toBe(true);
    expect(received).toEqual(['half of it']);
  });
});

describe('T10: comparing what must not be guessed byte by byte', () => {
  it('is a plain false for another length', () => {
    const tag = Uint8Array.of(1, 2, 3, 4);
    for (let length = 0; length <= 8; length++)
      expect(
        equalBytesConstantTime(tag, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 0).subarray(0, length)),
      ).toBe(length === 4);
  });

  it('looks at every byte', () => {
    const tag = Uint8Array.from({ length: 32 }, (_, at) => at);
    const changed = tag.map((_, at) => {
      const other = tag.slice();
      other[at] = 0xff;
      return equalBytesConstantTime(tag, other) ? 1 : 0;
    });
    expect([...changed]).toEqual(new Array(32).fill(0));
  });
});
