/** Rows T4, T5, T6 and T12: what a packet says of its own length and padding (RFC 4253 §6), in the clear and under keys. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { memoryInUse, MiB } from '../support/memory.ts';
import { cat, u32 } from '../support/raw-peer/bytes.ts';
import * as message from '../support/raw-peer/messages.ts';
import { RAW_SUITES, suiteName } from '../support/raw-peer/suites.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const HUGE = [35_001, 262_144, 262_145, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const TINY = Array.from({ length: 16 }, (_, length) => length);

async function expectRefused(
  { peer, subject }: Duel,
  ...reasons: readonly number[]
): Promise<void> {
  const before = [...subject.userCode];
  await peer.expectDisconnect(...reasons);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
  expect(subject.userCode).toEqual(before);
}

afterEach(expectAlive);

describe.each(ROLES)('in the clear, our %s', (role) => {
  async function identified(): Promise<Duel> {
    const situation = duel({ role }, { strict: false });
    await situation.peer.identifyBoth();
    await situation.peer.readKexInit();
    return situation;
  }

  it.each([...TINY.filter((length) => length < 6), ...HUGE])(
    'T4: refuses a packet_length of %d before anything of it has come',
    async (length) => {
      const situation = await identified();
      situation.peer.sendBytes(u32(length));
      await expectRefused(situation, 2);
    },
  );

  it('T4: refuses one that is not a multiple of the block', async () => {
    const situation = await identified();
    situation.peer.send(message.ignore('12345'), { padding: 5 });
    await expectRefused(situation, 2);
  });

  it('T4: takes one of 34 996, the largest before a login', async () => {
    const { peer, subject } = await identified();
    // packet_length and its own four bytes are a multiple of eight
    peer.send(message.ignore(Buffer.alloc(34_996 - 1 - 5 - 6)), { padding: 6 });
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it.each([0, 1, 2, 3])('T5: refuses %d bytes of padding', async (paddingField) => {
    const situation = await identified();
    situation.peer.send(message.ignore(), { paddingField });
    await expectRefused(situation, 2);
  });

  it.each(['as the packet', 'as leaves no payload', 'as can be'] as const)(
    'T5: refuses as much padding %s',
    async (how) => {
      const situation = await identified();
      const { peer } = situation;
      const length = peer.packet(message.ignore()).readUInt32BE(0);
      const paddings = {
        'as the packet': length,
        'as leaves no payload': length - 1,
        'as can be': 255,
      };
      peer.send(message.ignore(), { paddingField: paddings[how] });
      await expectRefused(situation, 2);
    },
  );

  it('T6: refuses an empty payload', async () => {
    const situation = await identified();
    situation.peer.send(Buffer.alloc(0));
    await expectRefused(situation, 2);
  });
});

describe.each(ROLES)('under keys, our %s', (role) => {
  describe.each(RAW_SUITES.map((suite) => [suiteName(suite), suite] as const))('%s', (_, suite) => {
    async function keyed(): Promise<Duel> {
      const situation = duel({ role, transportOnly: true }, { suite });
      await situation.peer.handshake();
      await situation.subject.opened();
      return situation;
    }

    it.each([...TINY, ...HUGE])('T4, T12: refuses a packet_length of %d', async (length) => {
      const situation = await keyed();
      const { peer } = situation;
      peer.send(message.ignore(), { length });
      // where the length could be right, the rest of the packet has to come before it is looked at
      peer.sendBytes(Buffer.alloc(64));
      await expectRefused(situation, 2, 5);
    });

    it.each([0, 3, 255])('T5: refuses a padding_length of %d', async (paddingField) => {
      const situation = await keyed();
      situation.peer.send(message.ignore(), { paddingField });
      await expectRefused(situation, 2);
    });

    it('T5: refuses padding that leaves no payload', async () => {
      const situation = await keyed();
      const { peer } = situation;
      const length = peer.packet(message.ignore()).readUInt32BE(0);
      peer.send(message.ignore(), { paddingField: length - 1 });
      await expectRefused(situation, 2);
    });

    it('T6: refuses an empty payload', async () => {
      const situation = await keyed();
      situation.peer.send(Buffer.alloc(0));
      await expectRefused(situation, 2);
    });

    it('T5: takes up to 255 bytes of padding', async () => {
      const { peer, subject } = await keyed();
      const { block, alignsLength } = peer.outbound;
      const payload = message.ignore('padded');
      const padding = 255 - ((255 + payload.length + (alignsLength ? 5 : 1)) % block);
      peer.send(payload, { padding });
      expect(await peer.barrier()).toEqual([]);
      subject.stop();
    });

    it('T4: takes packets past 35 000 bytes after the login, and none past 262 144', async () => {
      const situation = duel({ role }, { suite });
      const { peer, subject } = situation;
      await peer.session();
      await subject.connected();
      peer.send(message.ignore(Buffer.alloc(262_144 - 32)));
      expect(await peer.barrier()).toEqual([]);
      peer.send(message.ignore(Buffer.alloc(262_144 + 32)));
      await expectRefused(situation, 2, 5);
    });
  });
});

describe('T4: a hundred peers that claim the most and send 16 bytes', () => {
  it.each(['before a key exchange', 'under keys'] as const)(
    'cost no megabyte together, %s',
    async (when) => {
      const duels: Duel[] = [];
      for (let count = 0; count < 100; count++) {
        const each = duel({ role: 'server', transportOnly: true });
        await (when === 'under keys' ? each.peer.handshake() : each.peer.identifyBoth());
        duels.push(each);
      }
      const before = await memoryInUse();
      for (const { peer } of duels) {
        const { alignsLength } = peer.outbound;
        peer.sendBytes(cat(u32(alignsLength ? 34_996 : 34_992), Buffer.alloc(12)));
      }
      const grown = (await memoryInUse()) - before;
      for (const { subject } of duels) {
        expect(subject.errors).toEqual([]);
        subject.stop();
      }
      expect(grown).toBeLessThan(MiB);
    },
  );
});
