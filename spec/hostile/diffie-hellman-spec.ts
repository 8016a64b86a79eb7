/** Rows K1, K2 and K4: public values, groups and points of a peer that wants to know the secret, or to keep us at work. */
import { createECDH, getDiffieHellman } from 'node:crypto';
import { afterAll, describe, expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { type Bytes, byte, cat, Cursor, mpint, str, u32 } from '../support/raw-peer/bytes.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';

const GROUP14 = 'diffie-hellman-group14-sha256';
const GEX = 'diffie-hellman-group-exchange-sha256';
const P = getDiffieHellman('modp14').getPrime();
const P_VALUE = BigInt(`0x${P.toString('hex')}`);

afterAll(expectAlive);

/** What ends a message of nothing else than a value. */
const bytesOf = (value: bigint): Buffer => {
  const digits = value.toString(16);
  return Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
};

/** Counts what is raised to powers. */
function counting(): { readonly provider: CryptoProvider; powers: number } {
  const count = { powers: 0 };
  const provider: CryptoProvider = {
    ...defaultProvider,
    modp: (group, exponent) => {
      count.powers++;
      return defaultProvider.modp(group, exponent);
    },
  };
  return Object.assign(count, { provider });
}

/** Comes to an understanding about the method. */
async function propose({ peer }: Duel, kex: string): Promise<void> {
  await peer.identifyBoth();
  peer.sendKexInit(peer.kexInit({ kex: [kex] }));
  await peer.readKexInit();
}

/** Sends the other half of an agreement, as it stands on the wire. */
async function offer(situation: Duel, value: Bytes, kex: string): Promise<void> {
  const { peer } = situation;
  await propose(situation, kex);
  if (peer.role === 'client') {
    peer.send(cat(byte(30), value));
    return;
  }
  await peer.until(30);
  peer.send(cat(byte(31), str(peer.hostKey.blob), value, str('no signature')));
}

async function expectRefused({ peer, subject }: Duel, ...reasons: number[]): Promise<void> {
  await peer.expectDisconnect(...reasons);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.userCode).toEqual([]);
  expect(peer.numbers).not.toContain(21);
}

describe.each(ROLES)('K1: our %s refuses', (role) => {
  it.each<[string, Buffer]>([
    ['0', mpint(Buffer.alloc(0))],
    ['1', mpint(Buffer.of(1))],
    ['2', mpint(Buffer.of(2))],
    ['another power of two', mpint(bytesOf(1n << 1024n))],
    ['p - 1', mpint(bytesOf(P_VALUE - 1n))],
    ['p', mpint(P)],
    ['p + 1', mpint(bytesOf(P_VALUE + 1n))],
    ['p + 15', mpint(bytesOf(P_VALUE + 15n))],
    ['a negative number', str(P)],
    ['a number of 30 KB', mpint(Buffer.alloc(30_000, 0x55))],
    ['0 in 30 KB', str(Buffer.alloc(30_000))],
  ])('%s as the public value', async (_, value) => {
    const situation = duel({ role });
    await offer(situation, value, GROUP14);
    await expectRefused(situation, 3);
  });

  it('a value that is longer than any packet of this phase', async () => {
    const situation = duel({ role });
    await offer(situation, str(Buffer.alloc(65_536, 0x55)), GROUP14);
    await expectRefused(situation, 2);
  });

  it.each(['truncated', 'without an end'])('a value that is %s', async (how) => {
    const situation = duel({ role });
    const value = how === 'truncated' ? u32(256) : cat(mpint(Buffer.of(77)), 'more');
    await offer(situation, value, GROUP14);
    await expectRefused(situation, 2, 3);
  });
});

describe.each(ROLES)('K1: our %s, in a group of the peer’s', (role) => {
  it.each<[string, Buffer]>([
    ['0', mpint(Buffer.alloc(0))],
    ['2', mpint(Buffer.of(2))],
    ['p - 1', mpint(bytesOf(P_VALUE - 1n))],
    ['a negative number', str(P)],
  ])('refuses %s', async (_, value) => {
    const situation = duel({ role });
    const { peer } = situation;
    await propose(situation, GEX);
    if (peer.role === 'client') {
      peer.send(cat(byte(34), u32(2048), u32(2048), u32(2048)));
      await peer.until(31);
      peer.send(cat(byte(32), value));
    } else {
      await peer.until(34);
      peer.send(cat(byte(31), mpint(P), mpint(Buffer.of(2))));
      await peer.until(32);
      peer.send(cat(byte(33), str(peer.hostKey.blob), value, str('no signature')));
    }
    await expectRefused(situation, 3);
  });
});

describe('K2: our client', () => {
  const two = mpint(Buffer.of(2));
  const odd = (bits: number): Buffer => mpint(bytesOf((1n << BigInt(bits - 1)) + 1n));

  it.each<[string, Buffer, Buffer]>([
    ['of 1024 bits', odd(1024), two],
    ['of 8193 bits', odd(8193), two],
    ['of 16384 bits', odd(16_384), two],
    ['with an even p', mpint(bytesOf(P_VALUE - 1n)), two],
    ['with a negative p', str(P), two],
    ['without a p', mpint(Buffer.alloc(0)), two],
    ['with a g of 0', mpint(P), mpint(Buffer.alloc(0))],
    ['with a g of 1', mpint(P), mpint(Buffer.of(1))],
    ['with a g of p - 1', mpint(P), mpint(bytesOf(P_VALUE - 1n))],
    ['with a negative g', mpint(P), str(Buffer.of(0xfe))],
  ])('refuses a group %s, and computes nothing', async (_, p, g) => {
    const count = counting();
    const situation = duel({ role: 'client', transport: { provider: count.provider } });
    await propose(situation, GEX);
    const request = new Cursor((await situation.peer.until(34)).payload).skip(1);
    expect([request.u32(), request.u32(), request.u32()]).toEqual([2048, 3072, 8192]);
    situation.peer.send(cat(byte(31), p, g));
    await expectRefused(situation, 3);
    expect(count.powers).toBe(0);
  });

  it('refuses a group of more bits than any number may have', async () => {
    const situation = duel({ role: 'client' });
    await propose(situation, GEX);
    await situation.peer.until(34);
    situation.peer.send(cat(byte(31), mpint(Buffer.alloc(3000, 0x55)), two));
    await expectRefused(situation, 2);
  });

  it.each([
    ['a second group', 31],
    ['a reply before the group', 33],
  ])('refuses %s', async (_, number) => {
    const situation = duel({ role: 'client' });
    const { peer } = situation;
    await propose(situation, GEX);
    await peer.until(34);
    const group = cat(byte(31), mpint(P), two);
    if (number === 31) peer.send(group);
    peer.send(number === 31 ? group : cat(byte(33), str(peer.hostKey.blob), two, str('')));
    await expectRefused(situation, 2);
  });
});

describe('K2: our server', () => {
  it.each([
    [4096, 2048, 8192],
    [2048, 8192, 4096],
    [0, 0, 0],
    [9000, 9000, 9000],
    [1024, 1024, 1024],
    [4097, 8192, 8192],
    [0xffff_ffff, 0xffff_ffff, 0xffff_ffff],
  ])('refuses %d, %d, %d, and computes nothing', async (min, preferred, max) => {
    const count = counting();
    const situation = duel({ role: 'server', transport: { provider: count.provider } });
    await propose(situation, GEX);
    situation.peer.send(cat(byte(34), u32(min), u32(preferred), u32(max)));
    await expectRefused(situation, 3);
    expect(count.powers).toBe(0);
  });

  it('gives 4096 bits at the most, and computes nothing before the client has', async () => {
    const count = counting();
    const { peer, subject } = duel({ role: 'server', transport: { provider: count.provider } });
    await propose({ peer, subject }, GEX);
    peer.send(cat(byte(34), u32(2048), u32(8192), u32(8192)));
    const group = new Cursor((await peer.until(31)).payload).skip(1);
    // with the byte that keeps it positive
    expect(group.str()).toHaveLength(4096 / 8 + 1);
    expect(count.powers).toBe(0);
    subject.stop();
  });

  it.each([
    ['a second request', 34],
    ['the request of the old form', 30],
    ['a value before the request', 32],
  ])('refuses %s', async (_, number) => {
    const situation = duel({ role: 'server' });
    const { peer } = situation;
    await propose(situation, GEX);
    const request = cat(byte(34), u32(2048), u32(2048), u32(8192));
    if (number === 34) peer.send(request);
    const messages: Readonly<Record<number, Buffer>> = {
      30: cat(byte(30), u32(2048)),
      32: cat(byte(32), mpint(Buffer.of(77))),
      34: request,
    };
    peer.send(messages[number] ?? request);
    await expectRefused(situation, 2);
  });
});

describe.each(ROLES)('K4: our %s', (role) => {
  const curves = [
    ['ecdh-sha2-nistp256', 'prime256v1', 32],
    ['ecdh-sha2-nistp384', 'secp384r1', 48],
    ['ecdh-sha2-nistp521', 'secp521r1', 66],
  ] as const;

  it.each(curves)(
    'refuses in %s what is no uncompressed point of it',
    async (kex, curve, length) => {
      const ecdh = createECDH(curve);
      ecdh.generateKeys();
      const point = ecdh.getPublicKey();
      const offCurve = Buffer.from(point);
      offCurve[offCurve.length - 1]! ^= 1;
      const [, other] = curves.find(([, name]) => name !== curve)!;
      const foreign = createECDH(other);
      foreign.generateKeys();
      for (const value of [
        offCurve,
        Buffer.of(0),
        Buffer.alloc(0),
        ecdh.getPublicKey(null, 'compressed'),
        ecdh.getPublicKey(null, 'hybrid'),
        cat(byte(4), Buffer.alloc(2 * length)),
        cat(byte(4), Buffer.alloc(2 * length, 0xff)),
        cat(point, byte(0)),
        point.subarray(0, -1),
        point.subarray(1),
        foreign.getPublicKey(),
        Buffer.alloc(30_000, 4),
      ]) {
        const situation = duel({ role });
        await offer(situation, str(value), kex);
        await expectRefused(situation, 3);
      }
    },
  );
});
