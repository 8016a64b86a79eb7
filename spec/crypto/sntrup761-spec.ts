/** Streamlined NTRU Prime 761: its arithmetic, its encodings, and the encapsulation; sshd and ssh are the proof in spec/interop. */
import { describe, expect, it } from '@jest/globals';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import {
  decodePublic,
  decodeRounded,
  encodePublic,
  encodeRounded,
  encodeSmall,
  rounded,
} from '../../src/crypto/sntrup761-encoding.ts';
import { centred, nonzero, P, Q } from '../../src/crypto/sntrup761-plain.ts';
import { multiply, reciprocal } from '../../src/crypto/sntrup761-polynomials.ts';
import {
  shortPolynomial,
  smallPolynomial,
  sortInPlace,
  WEIGHT,
} from '../../src/crypto/sntrup761-sampling.ts';
import { sntrup761, sntrup761Encapsulate } from '../../src/crypto/sntrup761.ts';
import { concatBytes, toHex } from '../../src/wire/bytes.ts';
import { reasonOf } from '../contract/crypto-key-exchange.ts';
import { determinedProvider } from '../support/determined.ts';

const chance = determinedProvider(61);
const ONE = [1, ...new Array<number>(P - 1).fill(0)];
/** A polynomial whose coefficients are spread over all numbers modulo q. */
const SPREAD = Float64Array.from({ length: P }, (_, i) => centred(i * i * 13 + i, Q));

describe('polynomials modulo x^761 - x - 1', () => {
  it('centres whatever comes', () => {
    for (const m of [3, Q])
      for (let x = -20_000; x < 20_000; x += 7) {
        const y = centred(x, m);
        expect(Math.abs(y)).toBeLessThan(m / 2);
        expect((x - y) % m === 0).toBe(true);
      }
    expect([0, 1, -1, 4096].map((x) => nonzero(x))).toEqual([0, 1, 1, 1]);
  });

  it('multiplies: x^760 by x is x + 1', () => {
    const x = new Float64Array(P);
    x[1] = 1;
    const high = new Float64Array(P);
    high[P - 1] = 1;
    expect([...multiply(high, x, Q).subarray(0, 4)]).toEqual([1, 1, 0, 0]);
  });

  it.each([3, Q])('has reciprocals modulo %d', (m) => {
    for (let round = 0; round < 5; round++) {
      const a = smallPolynomial(chance);
      const inverse = reciprocal(a, m)!;
      expect([...multiply(inverse, a, m)].map((x) => x + 0)).toEqual(ONE);
    }
  });

  it('has none of 0', () => {
    expect(reciprocal(new Float64Array(P), Q)).toBeUndefined();
  });
});

describe('sampling', () => {
  it('sorts words of 32 bits, however many', () => {
    for (const length of [1, 2, 3, 64, 100, P]) {
      const words = Uint32Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 0);
      words[0] = 0xffffffff;
      const expected = words.slice().sort();
      sortInPlace(words);
      expect([...words]).toEqual([...expected]);
    }
  });

  it('draws short polynomials of the exact weight, and small ones of all three values', () => {
    const weight = [...shortPolynomial(chance)].filter((x) => Math.abs(x) === 1).length;
    expect(weight).toBe(WEIGHT);
    expect(new Set(smallPolynomial(chance))).toEqual(new Set([-1, 0, 1]));
  });
});

describe('encodings', () => {
  it('bring public keys and ciphertexts back', () => {
    expect(encodePublic(SPREAD)).toHaveLength(1158);
    expect(decodePublic(encodePublic(SPREAD))).toEqual(SPREAD);
    const multiples = rounded(SPREAD);
    expect(multiples.every((x, at) => x % 3 === 0 && Math.abs(x - SPREAD[at]!) <= 1)).toBe(true);
    expect(encodeRounded(multiples)).toHaveLength(1007);
    expect(decodeRounded(encodeRounded(multiples))).toEqual(multiples);
    expect(encodeSmall(new Float64Array(P))).toEqual(
      Uint8Array.from([...new Array<number>(190).fill(0x55), 1]),
    );
  });

  it.each([0x00, 0x5a, 0xff])('reduce a key of bytes %d like any other', (byte) => {
    const decoded = decodePublic(new Uint8Array(1158).fill(byte));
    expect(decoded).toHaveLength(P);
    expect(decoded.every((x) => Number.isInteger(x) && Math.abs(x) < Q / 2)).toBe(true);
  });
});

describe.each([nodeProvider, nobleProvider])('sntrup761 on $name', (provider) => {
  it('comes to one secret of 32 bytes, fresh each time', () => {
    const secrets = Array.from({ length: 10 }, () => {
      const pair = sntrup761(provider);
      const { ciphertext, sharedSecret } = sntrup761Encapsulate(provider, pair.publicKey);
      expect([pair.publicKey.length, ciphertext.length]).toEqual([1158, 1039]);
      expect(pair.decapsulate(ciphertext)).toEqual(sharedSecret);
      return toHex(sharedSecret);
    });
    expect(new Set(secrets).size).toBe(10);
    expect(secrets[0]).toHaveLength(64);
  });

  it('makes the same of the same random bytes', () => {
    const { randomBytes } = determinedProvider(7);
    const pair = sntrup761({ ...provider, randomBytes });
    const made = sntrup761Encapsulate({ ...provider, randomBytes }, pair.publicKey);
    const rejected = pair.decapsulate(new Uint8Array(1039));
    const all = concatBytes([pair.publicKey, made.ciphertext, made.sharedSecret, rejected]);
    expect(toHex(provider.hash('sha256', [all]))).toBe(
      '6502bd19d85c9d8b21d17bb9084f78c07c85038a9a0c62d57078c0b3559076e5',
    );
  });

  it.each([0, 500, 1006, 1007, 1038])(
    'K5: gives another secret, always the same, when byte %d was touched',
    (at) => {
      const pair = sntrup761(provider);
      const { ciphertext, sharedSecret } = sntrup761Encapsulate(provider, pair.publicKey);
      ciphertext[at]! ^= 1;
      const rejected = pair.decapsulate(ciphertext);
      expect(rejected).toHaveLength(32);
      expect(rejected).not.toEqual(sharedSecret);
      expect(pair.decapsulate(ciphertext)).toEqual(rejected);
    },
  );

  it.each([-1, 1, -1000])('K5: refuses lengths that are off by %d', (by) => {
    const { decapsulate } = sntrup761(provider);
    expect(reasonOf(() => decapsulate(new Uint8Array(1039 + by)))).toBe(3);
    expect(reasonOf(() => sntrup761Encapsulate(provider, new Uint8Array(1158 + by)))).toBe(3);
  });
});
