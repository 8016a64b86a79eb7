/** What every provider's X25519 and ML-KEM-768 must do: published vectors, and refusals as `protocol` errors of reason 3. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { modpGroup } from '../../src/crypto/modp.ts';
import type { CryptoProvider, CurveName } from '../../src/crypto/provider.ts';
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

/** RFC 5903 §8: i, g^i and g^r as x and y, and x of g^ir. */
const ECDH: readonly {
  readonly curve: CurveName;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly peer: string;
  readonly secret: string;
}[] = [
  {
    curve: 'nistp256',
    privateKey: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    publicKey:
      'dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180' +
      '5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
    peer:
      'd12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63' +
      '56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab',
    secret: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
  {
    curve: 'nistp384',
    privateKey:
      '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
    publicKey:
      '667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa' +
      '9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c',
    peer:
      'e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571' +
      'dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c',
    secret:
      '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
  },
  {
    curve: 'nistp521',
    privateKey:
      '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
    publicKey:
      '0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e' +
      '017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582',
    peer:
      '00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f' +
      '015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a',
    secret:
      '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
  },
];

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

  describe('ecdh', () => {
    it.each(ECDH)('RFC 5903 §8, $curve', ({ curve, privateKey, publicKey, peer, secret }) => {
      const key = provider.ecdh(curve, fromHex(privateKey));
      expect(toHex(key.publicKey)).toBe(`04${publicKey}`);
      expect(toHex(key.agree(fromHex(`04${peer}`)))).toBe(secret);
    });

    it.each(ECDH)('makes a fresh key each time, $curve', ({ curve }) => {
      const keys = [1, 2, 3].map(() => toHex(provider.ecdh(curve).publicKey));
      expect(new Set(keys).size).toBe(3);
    });

    it.each(ECDH)('refuses what is no uncompressed point of $curve', ({ curve, peer }) => {
      const point = fromHex(`04${peer}`);
      const coordinate = (point.length - 1) / 2;
      const isOdd = (point.at(-1)! & 1) === 1;
      const compressed = Uint8Array.of(isOdd ? 3 : 2, ...point.subarray(1, 1 + coordinate));
      const hybrid = Uint8Array.of(isOdd ? 7 : 6, ...point.subarray(1));
      const offCurve = point.slice();
      offCurve[point.length - 1]! ^= 1;
      const zero = Uint8Array.of(4, ...new Uint8Array(2 * coordinate));
      const others = ECDH.filter((each) => each.curve !== curve);
      for (const bad of [
        ...[new Uint8Array(0), Uint8Array.of(0), compressed, hybrid, offCurve, zero],
        ...[point.subarray(1), Uint8Array.of(...point, 0), point.subarray(0, -1)],
        ...others.map((each) => fromHex(`04${each.peer}`)),
      ])
        expect(reasonOf(() => provider.ecdh(curve).agree(bad))).toBe(3);
    });
  });

  describe('modp', () => {
    it.each([2048, 3072, 4096] as const)('comes to one secret in %d bits', (size) => {
      const group = modpGroup(size);
      const [alice, bob] = [provider.modp(group), provider.modp(group)];
      expect(alice.publicKey.length).toBe(size / 8);
      expect(toHex(alice.publicKey)).not.toBe(toHex(bob.publicKey));
      expect(toHex(alice.agree(bob.publicKey))).toBe(toHex(bob.agree(alice.publicKey)));
    });

    it('raises the generator to the exponent, in any group', () => {
      // small enough to be seen: 2^10 mod 47 = 37, 5^10 mod 47 = 12
      for (const [g, y] of [
        [2n, 37],
        [5n, 12],
      ] as const)
        expect([...provider.modp({ p: 47n, g }, Uint8Array.of(10)).publicKey]).toEqual([y]);
    });

    it('keeps leading zeros of a secret', () => {
      const { p } = modpGroup(2048);
      const exponent = Uint8Array.of(1);
      const peer = ramp(256).fill(0, 0, 3);
      const secret = provider.modp({ p, g: 2n }, exponent).agree(peer);
      expect(toHex(secret)).toBe(toHex(peer));
      expect(provider.modp({ p, g: 2n }, exponent).publicKey.length).toBe(256);
    });

    it.each([
      ['0', 0n],
      ['1', 1n],
      ['a power of two', 1n << 700n],
      ['p - 1', modpGroup(2048).p - 1n],
      ['p', modpGroup(2048).p],
      ['p + 15', modpGroup(2048).p + 15n],
    ])('refuses %s', (_, value) => {
      const peer = fromHex(value.toString(16).padStart(512, '0'));
      expect(reasonOf(() => provider.modp(modpGroup(2048)).agree(peer))).toBe(3);
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
