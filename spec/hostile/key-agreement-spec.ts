/** Rows K3, K5 and K6: public values that give no secret, hybrid values that are wrong, and how K is written. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import { byte, cat, str } from '../support/raw-peer/bytes.ts';
import { duel, type Duel, expectAlive, ROLES } from '../support/raw-peer/subject.ts';
import { defaultProposal } from '../support/transports.ts';

/** Points of low order, reduced and not (https://cr.yp.to/ecdh.html#validate), without and with the bit that is ignored. */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((u) => {
  const last = Number.parseInt(u.slice(62), 16) | 0x80;
  return [u, `${u.slice(0, 62)}${last.toString(16)}`];
});
const WRONG_LENGTHS = [0, 1, 31, 33, 64];
const CURVE25519 = { ...defaultProposal, kex: ['curve25519-sha256'] };
/** Lengths of the encapsulation key and of the ciphertext in bytes. */
const HYBRIDS = [
  { kex: 'mlkem768x25519-sha256', keyLength: 1184, ciphertextLength: 1088 },
  { kex: 'sntrup761x25519-sha512', keyLength: 1158, ciphertextLength: 1039 },
];

afterAll(expectAlive);

/** Sends a public value of the raw peer's making as its half of the agreement. */
async function offer({ peer }: Duel, value: Buffer, kex = 'curve25519-sha256'): Promise<void> {
  await peer.identifyBoth();
  peer.sendKexInit(peer.kexInit({ kex: [kex] }));
  await peer.readKexInit();
  if (peer.role === 'client') {
    peer.sendEcdhInit(value);
    return;
  }
  await peer.until(30);
  peer.send(cat(byte(31), str(peer.hostKey.blob), str(value), str('no signature')));
}

/** KEY_EXCHANGE_FAILED, or the other reason; nobody was asked about the host key. */
async function expectRefused({ peer, subject }: Duel, reason = 3): Promise<string> {
  const description = await peer.expectDisconnect(reason);
  expect((await subject.ended()).kind).toBe('protocol');
  expect(subject.errors).toHaveLength(1);
  expect(subject.userCode).toEqual([]);
  expect(peer.numbers).not.toContain(21);
  return description;
}

describe.each(ROLES)('K3: our %s', (role) => {
  it.each(LOW_ORDER)('refuses the point of low order %s', async (u) => {
    const situation = duel({ role });
    await offer(situation, Buffer.from(u, 'hex'));
    await expectRefused(situation);
  });

  it.each(WRONG_LENGTHS)('refuses a public key of %d bytes', async (length) => {
    const situation = duel({ role });
    await offer(situation, Buffer.alloc(length, 9));
    await expectRefused(situation);
  });
});

describe.each(HYBRIDS)('K5: our server with $kex', ({ kex, keyLength, ciphertextLength }) => {
  /** An encapsulation key whose coefficients are all in range. */
  const kem = Buffer.alloc(keyLength);
  const curve = Buffer.alloc(32, 9);

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a key of curve25519 alone', curve],
    ['the halves a byte short', cat(kem, curve).subarray(1)],
    ['the halves a byte long', cat(kem, curve, byte(0))],
    ['the ciphertext’s length', Buffer.alloc(ciphertextLength + 32, 1)],
    ...LOW_ORDER.map((u) => [`low order ${u}`, cat(kem, Buffer.from(u, 'hex'))] as const),
  ])('refuses as C_INIT %s', async (_, value) => {
    const situation = duel({ role: 'server' });
    await offer(situation, value, kex);
    await expectRefused(situation);
  });

  it(`answers a right one with ${String(ciphertextLength)} and 32 bytes`, async () => {
    const situation = duel({ role: 'server' });
    await offer(situation, cat(kem, curve), kex);
    const { payload } = await situation.peer.until(31);
    const at = 5 + payload.readUInt32BE(1);
    expect(payload.readUInt32BE(at)).toBe(ciphertextLength + 32);
    situation.subject.stop();
  });
});

describe('K5: our server with mlkem768x25519-sha256', () => {
  it('refuses an encapsulation key out of range', async () => {
    const situation = duel({ role: 'server' });
    const value = cat(Buffer.alloc(1184, 0xff), Buffer.alloc(32, 9));
    await offer(situation, value, 'mlkem768x25519-sha256');
    await expectRefused(situation);
  });
});

describe.each(HYBRIDS)('K5: our client with $kex', ({ kex: hybrid, ...lengths }) => {
  const ciphertext = Buffer.alloc(lengths.ciphertextLength, 7);
  const curve = Buffer.alloc(32, 9);

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a key of curve25519 alone', curve],
    ['the halves a byte short', cat(ciphertext, curve).subarray(1)],
    ['the halves a byte long', cat(ciphertext, curve, byte(0))],
    ['the key’s length', Buffer.alloc(lengths.keyLength + 32, 1)],
    ...LOW_ORDER.map((u) => [`low order ${u}`, cat(ciphertext, Buffer.from(u, 'hex'))] as const),
  ])('refuses as S_REPLY %s', async (_, value) => {
    const situation = duel({ role: 'client' });
    await offer(situation, value, hybrid);
    await expectRefused(situation);
  });

  it('tells a corrupt ciphertext in no other way than a wrong signature', async () => {
    const told: string[] = [];
    for (const kex of [hybrid, 'curve25519-sha256']) {
      const situation = duel({ role: 'client' });
      const { peer } = situation;
      await peer.identifyBoth();
      peer.sendKexInit(peer.kexInit({ kex: [kex] }));
      await peer.readKexInit();
      await peer.until(30);
      const value = kex === hybrid ? cat(ciphertext, curve) : curve;
      const signature = cat(str('ssh-ed25519'), str(Buffer.alloc(64, 1)));
      peer.send(cat(byte(31), str(peer.hostKey.blob), str(value), str(signature)));
      told.push(await expectRefused(situation, 9));
    }
    expect(told[0]).toBe(told[1]);
  });
});

describe.each(ROLES)('K6: our %s', (role) => {
  const ours = new Uint8Array(32).fill(0x5a);

  /** The private key of the raw peer that makes K begin in some way with ours. */
  const secret = (number: number): Buffer => {
    const key = Buffer.alloc(32);
    key.writeUInt32BE(number, 4);
    key[31] = 0x40;
    return key;
  };

  it.each([
    ['with neither', 1, '531655bc'],
    ['with its highest bit set', 2, '8b2532d5'],
    ['with a zero byte, and then the highest bit', 107, '00b4c920'],
    ['with a zero byte', 1398, '0017b1f0'],
    ['with two zero bytes', 73403, '0000499c'],
  ])('writes a K that begins %s as RFC 4251 says', async (_, number, start) => {
    const provider = { ...defaultProvider, x25519: () => defaultProvider.x25519(ours) };
    const { peer, subject } = duel(
      { role, transport: { provider, proposal: CURVE25519 } },
      { ephemeral: secret(number) },
    );
    await peer.session();
    // the mpint of K has no leading zero bytes but the one that keeps it positive
    expect(peer.secret.subarray(4).toString('hex').padStart(64, '0')).toContain(start);
    await peer.exchange();
    expect(await peer.barrier()).toEqual([]);
    subject.stop();
  });

  it('agrees in 300 handshakes with fresh keys', async () => {
    for (let round = 0; round < 300; round++) {
      const { peer, subject } = duel({ role, transportOnly: true });
      await peer.handshake();
      expect((await subject.opened()).handshake.sessionId).toEqual(
        Uint8Array.from(peer.sessionId ?? []),
      );
      subject.stop();
    }
  });
});
