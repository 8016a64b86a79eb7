/** What every provider's Ed25519 and ECDSA must do: published vectors, and what must never verify. */
import { describe, expect, it } from '@jest/globals';
import type { CryptoProvider, CurveName } from '../../src/crypto/provider.ts';
import { isSshError } from '../../src/errors.ts';
import { concatBytes, fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { ramp } from './crypto-symmetric.ts';

/** RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature. */
const ED25519 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
      '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
      '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const;

/** The group order of Ed25519, little-endian (RFC 8032 §5.1). */
const ED25519_ORDER = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** Encodings of the points of small order, canonical and not, with either sign (RFC 8032 §5.1.3 refuses some by itself). */
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
] as const;

interface EcdsaVector {
  readonly curve: CurveName;
  readonly privateKey: string;
  readonly point: string;
  /** Of "sample", with the curve's own hash. */
  readonly signature: string;
  /** Order of the base point, and prime of the field. */
  readonly order: string;
  readonly prime: string;
}

/** RFC 6979 A.2.5, A.2.6, A.2.7. The s of P-256 is in the upper half, which some verifiers refuse. */
const ECDSA: readonly EcdsaVector[] = [
  {
    curve: 'nistp256',
    privateKey: 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721',
    point:
      '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
      '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299',
    signature:
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716' +
      'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
    order: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    prime: 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff',
  },
  {
    curve: 'nistp384',
    privateKey:
      '6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8' +
      '96d5724e4c70a825f872c9ea60d2edf5',
    point:
      '04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64' +
      'def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c62189' +
      '6708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720',
    signature:
      '94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c' +
      '81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f' +
      '130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8',
    order:
      'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf' +
      '581a0db248b0a77aecec196accc52973',
    prime:
      'fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe' +
      'ffffffff0000000000000000ffffffff',
  },
  {
    curve: 'nistp521',
    privateKey:
      '00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75' +
      'caa896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538',
    point:
      '0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd37' +
      '1123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4' +
      '00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28' +
      'a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5',
    signature:
      '00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f17' +
      '4e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa' +
      '00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af28' +
      '2623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a',
    order:
      '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa' +
      '51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
    prime: `01${'ff'.repeat(65)}`,
  },
];

const SAMPLE = utf8Bytes('sample');

/** Runs the contract. */
export function signatureContract(provider: CryptoProvider): void {
  describe('ed25519', () => {
    it.each(ED25519)('RFC 8032 §7.1, test %#', (seed, publicKey, message, signature) => {
      const data = fromHex(message);
      expect(toHex(provider.ed25519PublicKey(fromHex(seed)))).toBe(publicKey);
      expect(toHex(provider.ed25519Sign(fromHex(seed), data))).toBe(signature);
      expect(provider.ed25519Verify(fromHex(publicKey), data, fromHex(signature))).toBe(true);
      const longer = concatBytes([data, new Uint8Array(1)]);
      expect(provider.ed25519Verify(fromHex(publicKey), longer, fromHex(signature))).toBe(false);
    });

    it('signs with the seed as it is now', () => {
      const seed = ramp(32);
      const before = toHex(provider.ed25519Sign(seed, SAMPLE));
      expect(toHex(provider.ed25519Sign(seed, SAMPLE))).toBe(before);
      seed[0]! ^= 1;
      const after = provider.ed25519Sign(seed, SAMPLE);
      expect(toHex(after)).not.toBe(before);
      expect(provider.ed25519Verify(provider.ed25519PublicKey(seed), SAMPLE, after)).toBe(true);
    });

    it('verifies nothing when any bit of the signature or the key is another', () => {
      const [, publicKey, message, signature] = ED25519[1];
      for (let bit = 0; bit < 96 * 8; bit += 5) {
        const all = fromHex(publicKey + signature);
        all[bit >> 3]! ^= 1 << (bit & 7);
        const isRight = provider.ed25519Verify(
          all.subarray(0, 32),
          fromHex(message),
          all.subarray(32),
        );
        expect([bit, isRight]).toEqual([bit, false]);
      }
    });

    it('refuses S + L, which would be a second signature', () => {
      const [, publicKey, message, signature] = ED25519[1];
      const doubled = fromHex(signature);
      let carry = 0;
      for (let at = 0; at < 32; at++) {
        carry += doubled[32 + at]! + ED25519_ORDER[at]!;
        doubled[32 + at] = carry & 0xff;
        carry >>= 8;
      }
      expect(provider.ed25519Verify(fromHex(publicKey), fromHex(message), doubled)).toBe(false);
    });

    it.each(SMALL_ORDER)('refuses the key %s, under which a signature fits any message', (key) => {
      // R is the neutral element or the key, S is 0.
      for (const r of [SMALL_ORDER[0], key]) {
        const signature = concatBytes([fromHex(r), new Uint8Array(32)]);
        for (let message = 0; message < 16; message++) {
          const data = ramp(4, message);
          expect(provider.ed25519Verify(fromHex(key), data, signature)).toBe(false);
        }
      }
    });

    it.each([
      [31, 64],
      [33, 64],
      [0, 64],
      [32, 63],
      [32, 65],
      [32, 0],
    ])('refuses a key of %d and a signature of %d bytes', (keyLength, signatureLength) => {
      const [, publicKey, message, signature] = ED25519[0];
      const key = resized(fromHex(publicKey), keyLength);
      const bytes = resized(fromHex(signature), signatureLength);
      expect(provider.ed25519Verify(key, fromHex(message), bytes)).toBe(false);
    });
  });

  describe.each(ECDSA)('ecdsa $curve', (vector) => {
    const { curve } = vector;
    const point = fromHex(vector.point);
    const signature = fromHex(vector.signature);
    const length = signature.length / 2;
    const order = fromHex(vector.order);
    const zero = new Uint8Array(length);
    const r = signature.subarray(0, length);
    const s = signature.subarray(length);

    it('RFC 6979', () => {
      expect(toHex(provider.ecdsaPublicKey(curve, fromHex(vector.privateKey)))).toBe(vector.point);
      expect(provider.ecdsaVerify(curve, point, SAMPLE, signature)).toBe(true);
      expect(provider.ecdsaVerify(curve, point, utf8Bytes('test'), signature)).toBe(false);
    });

    it('verifies either half of s', () => {
      const other = concatBytes([r, subtract(order, s)]);
      expect(provider.ecdsaVerify(curve, point, SAMPLE, other)).toBe(true);
    });

    it('signs with fresh keys', () => {
      for (let i = 0; i < 4; i++) {
        const privateKey = provider.ecdsaGenerate(curve);
        const publicKey = provider.ecdsaPublicKey(curve, privateKey);
        const made = provider.ecdsaSign(curve, privateKey, SAMPLE);
        expect([privateKey.length, publicKey.length]).toEqual([length, 2 * length + 1]);
        expect(made.length).toBe(2 * length);
        expect(provider.ecdsaVerify(curve, publicKey, SAMPLE, made)).toBe(true);
        expect(provider.ecdsaVerify(curve, point, SAMPLE, made)).toBe(false);
      }
    });

    it.each([
      ['r of 0', concatBytes([zero, s])],
      ['s of 0', concatBytes([r, zero])],
      ['both 0', concatBytes([zero, zero])],
      ['r of n', concatBytes([order, s])],
      ['s of n', concatBytes([r, order])],
      ['s + n', concatBytes([r, subtract(s, subtract(zero, order))])],
      ['a byte more', concatBytes([signature, new Uint8Array(1)])],
      ['a byte less', signature.subarray(0, -1)],
      ['nothing', new Uint8Array(0)],
    ])('refuses a signature with %s', (_what, bad) => {
      expect(provider.ecdsaVerify(curve, point, SAMPLE, bad)).toBe(false);
    });

    it.each([
      [
        'compressed',
        concatBytes([Uint8Array.of(2 + (point.at(-1)! & 1)), point.slice(1, length + 1)]),
      ],
      ['hybrid', concatBytes([Uint8Array.of(6 + (point.at(-1)! & 1)), point.subarray(1)])],
      ['compressed and filled up', concatBytes([Uint8Array.of(2), point.subarray(1)])],
      ['at infinity', Uint8Array.of(0)],
      ['off the curve', concatBytes([point.subarray(0, -1), Uint8Array.of(point.at(-1)! ^ 1)])],
      ['of zeros', concatBytes([Uint8Array.of(4), zero, zero])],
      ['not reduced', concatBytes([Uint8Array.of(4), fromHex(vector.prime), zero])],
      ['too short', point.subarray(0, -1)],
      ['too long', concatBytes([point, new Uint8Array(1)])],
      ['empty', new Uint8Array(0)],
    ])('refuses a point that is %s', (_what, bad) => {
      expect(provider.ecdsaVerify(curve, bad, SAMPLE, signature)).toBe(false);
    });

    it.each([
      ['0', zero],
      ['n', order],
      ['one byte less', fromHex(vector.privateKey).subarray(1)],
      ['one byte more', concatBytes([new Uint8Array(1), fromHex(vector.privateKey)])],
    ])('refuses a private key of %s', (_what, bad) => {
      for (const use of [
        () => provider.ecdsaPublicKey(curve, bad),
        () => provider.ecdsaSign(curve, bad, SAMPLE),
      ]) {
        expect(thrownBy(use)).toMatchObject({
          kind: 'key-format',
          detail: { reason: 'malformed' },
        });
      }
    });
  });

  // CVE-2024-31497: PuTTY's nonces for P-521 had nine leading zeros, and 60 signatures gave the key away.
  it('draws the nonces of nistp521 from the whole range', () => {
    const { curve, privateKey, order } = ECDSA[2]!;
    const n = number(fromHex(order));
    const d = number(fromHex(privateKey));
    const highBits: bigint[] = [];
    for (let i = 0; i < 12; i++) {
      const data = ramp(4, i);
      const made = provider.ecdsaSign(curve, fromHex(privateKey), data);
      const [r, s] = [number(made.subarray(0, 66)), number(made.subarray(66))];
      const hash = number(provider.hash('sha512', [data]));
      highBits.push((((hash + r * d) * inverse(s, n)) % n) >> 512n);
    }
    expect(highBits.some((bits) => bits !== 0n)).toBe(true);
    expect(new Set(highBits).size).toBeGreaterThan(6);
  });
}

function thrownBy(f: () => unknown): unknown {
  try {
    f();
  } catch (error) {
    return isSshError(error) ? error : `${String(error)} is no SshError`;
  }
  return undefined;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const other = new Uint8Array(length);
  other.set(bytes.subarray(0, length));
  return other;
}

function number(bytes: Uint8Array): bigint {
  return BigInt(`0x0${toHex(bytes)}`);
}

/** a − b in as many bytes, modulo what they hold. */
function subtract(a: Uint8Array, b: Uint8Array): Uint8Array {
  const difference = BigInt.asUintN(a.length * 8, number(a) - number(b));
  return fromHex(difference.toString(16).padStart(a.length * 2, '0'));
}

/** The inverse by Fermat: the modulus is a prime. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [base, exponent, result] = [value, modulus - 2n, 1n];
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}
