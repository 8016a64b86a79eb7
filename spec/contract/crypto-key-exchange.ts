/** What every provider's X25519 and ML-KEM-768 must do: published vectors, and refusals as `protocol` errors of reason 3. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { isSshError } from '../../src/errors.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';
import { ramp } from './crypto-symmetric.ts';

/** RFC 7748 §5.2: scalar, u, result. */
const X25519 = [
  [
    'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
    'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
    'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
  ],
  [
    '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
    'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
    '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
  ],
] as const;

/** RFC 7748 §6.1. */
const ALICE = {
  private: fromHex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
  public: '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
};
const BOB = {
  private: fromHex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'),
  public: 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f',
};
const ALICE_AND_BOB = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';

/**
 * The u coordinates of low order, reduced and not (https://cr.yp.to/ecdh.html#validate); the top bit is ignored, so each stands
 * for two encodings.
 */
export const LOW_ORDER_U = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((digits) => {
  const withTopBit = fromHex(digits);
  withTopBit[31]! |= 0x80;
  return [digits, toHex(withTopBit)];
});

/**
 * Go's crypto/mlkem, TestAccumulated: SHAKE-128 of nothing gives seeds, messages and random ciphertexts, SHAKE-128 takes in keys,
 * ciphertexts and secrets, the implicitly rejected ones too. The digest after 100 rounds.
 */
const ML_KEM_768_ROUNDS = 100;
const ML_KEM_768_ACCUMULATED = '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415';

/** The disconnect reason of the `protocol` error that `f` throws. */
export function reasonOf(f: () => unknown): number | undefined {
  try {
    f();
  } catch (error) {
    if (isSshError(error, 'protocol')) return error.detail.disconnectReason;
    throw error;
  }
  return undefined;
}

/** Runs the contract. */
export function keyExchangeContract(provider: CryptoProvider): void {
  describe('x25519', () => {
    it.each(X25519)('RFC 7748 §5.2, vector %#', (scalar, u, result) => {
      expect(toHex(provider.x25519(fromHex(scalar)).agree(fromHex(u)))).toBe(result);
    });

    it('RFC 7748 §6.1', () => {
      const alice = provider.x25519(ALICE.private);
      const bob = provider.x25519(BOB.private);
      expect([toHex(alice.publicKey), toHex(bob.publicKey)]).toEqual([ALICE.public, BOB.public]);
      expect(toHex(alice.agree(bob.publicKey))).toBe(ALICE_AND_BOB);
      expect(toHex(bob.agree(alice.publicKey))).toBe(ALICE_AND_BOB);
    });

    it('makes a fresh key each time', () => {
      const keys = Array.from({ length: 50 }, () => toHex(provider.x25519().publicKey));
      expect(new Set(keys).size).toBe(50);
    });

    it.each(LOW_ORDER_U)('refuses the low-order point %s', (u) => {
      expect(reasonOf(() => provider.x25519().agree(fromHex(u)))).toBe(3);
    });

    it.each([0, 31, 33, 64])('refuses %d bytes', (length) => {
      expect(reasonOf(() => provider.x25519().agree(ramp(length, 9)))).toBe(3);
    });
  });

  describe('mlkem768', () => {
    it('gives what Go gives', () => {
      const perRound = 64 + 32 + 1088;
      const random = new Uint8Array(
        createHash('shake128', { outputLength: perRound * ML_KEM_768_ROUNDS }).digest(),
      );
      const accumulated = createHash('shake128', { outputLength: 32 });
      for (let round = 0; round < ML_KEM_768_ROUNDS; round++) {
        const bytes = random.subarray(round * perRound, (round + 1) * perRound);
        const pair = provider.mlkem768(bytes.slice(0, 64));
        const { ciphertext, sharedSecret } = provider.mlkem768Encapsulate(
          pair.publicKey,
          bytes.slice(64, 96),
        );
        expect(toHex(pair.decapsulate(ciphertext))).toBe(toHex(sharedSecret));
        const rejected = pair.decapsulate(bytes.slice(96));
        accumulated.update(concatBytes([pair.publicKey, ciphertext, sharedSecret, rejected]));
      }
      expect(accumulated.digest('hex')).toBe(ML_KEM_768_ACCUMULATED);
    });

    it('makes fresh keys and secrets each time', () => {
      const first = provider.mlkem768();
      const second = provider.mlkem768();
      expect([first.publicKey.length, second.publicKey.length]).toEqual([1184, 1184]);
      expect(toHex(first.publicKey)).not.toBe(toHex(second.publicKey));
      const secrets = [1, 2].map(() => provider.mlkem768Encapsulate(first.publicKey).sharedSecret);
      expect(secrets.map((secret) => secret.length)).toEqual([32, 32]);
      expect(toHex(secrets[0]!)).not.toBe(toHex(secrets[1]!));
    });

    it('gives another secret for a touched ciphertext, and does not say so', () => {
      const pair = provider.mlkem768();
      const { ciphertext, sharedSecret } = provider.mlkem768Encapsulate(pair.publicKey);
      ciphertext[500]! ^= 1;
      const rejected = pair.decapsulate(ciphertext);
      expect(rejected.length).toBe(32);
      expect(toHex(rejected)).not.toBe(toHex(sharedSecret));
    });

    it.each([0, 1087, 1089])('refuses a ciphertext of %d bytes', (length) => {
      expect(reasonOf(() => provider.mlkem768().decapsulate(ramp(length)))).toBe(3);
    });

    it.each([0, 1183, 1185])('refuses a public key of %d bytes', (length) => {
      expect(reasonOf(() => provider.mlkem768Encapsulate(new Uint8Array(length)))).toBe(3);
    });

    // FIPS 203 §7.2: coefficients have 12 bits and must be below q = 3329.
    it.each([
      [3328, undefined],
      [3329, 3],
      [4095, 3],
    ])('a coefficient of %d in a public key', (coefficient, reason) => {
      for (const at of [0, 383 * 3]) {
        const { publicKey } = provider.mlkem768(ramp(64));
        publicKey[at] = coefficient & 0xff;
        publicKey[at + 1] = (publicKey[at + 1]! & 0xf0) | (coefficient >> 8);
        expect(reasonOf(() => provider.mlkem768Encapsulate(publicKey))).toBe(reason);
      }
    });
  });
}
