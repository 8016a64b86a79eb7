/** What every provider's hashes, MACs and ciphers must do: published vectors, state between calls, refusals. */
import { describe, expect, it } from '@jest/globals';
import type { CryptoProvider, HashName } from '../../src/crypto/provider.ts';
import { concatBytes, fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';

/** Counting bytes, so that a misplaced one shows. */
export function ramp(length: number, start = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (start + at) & 0xff);
}

/** SP 800-38A, appendix F: the plaintext of every mode. */
const SP800_38A_PLAINTEXT =
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
  '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';

/** SP 800-38A F.5.1, F.5.3, F.5.5: key and ciphertext. */
const AES_CTR = [
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff' +
      '5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee',
  ],
  [
    '8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b',
    '1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94' +
      '1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050',
  ],
  [
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5' +
      '2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6',
  ],
] as const;

/** McGrew and Viega, The Galois/Counter Mode of Operation, test cases 4, 10 and 16: key, ciphertext, tag. */
const GCM_NONCE = fromHex('cafebabefacedbaddecaf888');
const GCM_ASSOCIATED = fromHex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
const GCM_PLAINTEXT = fromHex(
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
    '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
);
const AES_GCM = [
  [
    'feffe9928665731c6d6a8f9467308308',
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e' +
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    '5bc94fbc3221a5db94fae95ae7121a47',
  ],
  [
    'feffe9928665731c6d6a8f9467308308feffe9928665731c',
    '3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c' +
      '7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710',
    '2519498e80f1478f37ba55bd6d27618c',
  ],
  [
    'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ],
] as const;

/** RFC 8439 A.1 (#1, #2): two blocks under a zero key and nonce, which the original ChaCha20 shares. */
const CHACHA20_ZERO =
  '76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7' +
  'da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586' +
  '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed' +
  '29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f';
/** draft-agl-tls-chacha20poly1305-04 §7: a nonce of 64 bits. */
const CHACHA20_NONCE =
  'f798a189f195e66982105ffb640bb7757f579da31602fc93ec01ac56f85ac3c1' +
  '34a4547b733b46413042c9440049176905d3be59ea1c53f15916155c2be8241a' +
  '38008b9a26bc35941e2444177c8ade6689de95264986d95889fb60e84629c9bd' +
  '9a5acb1cc118be563eb9b3a4a472f82e09a7e778492b562ef7130e88dfe031c7' +
  '9db9d4f7c7a899151b9a475032b63fc385245fe054e3dd5a97a5f576fe064025' +
  'd3ce042c566ab2c507b138db853e3d6959660996546cc9c4a6eafdc777c040d7' +
  '0eaf46f76dad3979e5c5360c3317166a1c894c94a371876a94df7628fe4eaaf2' +
  'ccb27d5aaae0ad7ad0f9d4b6ad3b54098746d4524d38407a6deb3ab78fab78c9';

/** RFC 8439 §2.5.2 and A.3 (#7 to #11, where the arithmetic carries): key, message, tag. */
const POLY1305 = [
  [
    '85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b',
    toHex(utf8Bytes('Cryptographic Forum Research Group')),
    'a8061dc1305136c6c22b8baf0c0127a9',
  ],
  [
    '0200000000000000000000000000000000000000000000000000000000000000',
    'ffffffffffffffffffffffffffffffff',
    '03000000000000000000000000000000',
  ],
  [
    '02000000000000000000000000000000ffffffffffffffffffffffffffffffff',
    '02000000000000000000000000000000',
    '03000000000000000000000000000000',
  ],
  [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff' +
      '11000000000000000000000000000000',
    '05000000000000000000000000000000',
  ],
  [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe' +
      '01010101010101010101010101010101',
    '00000000000000000000000000000000',
  ],
  [
    '0200000000000000000000000000000000000000000000000000000000000000',
    'fdffffffffffffffffffffffffffffff',
    'faffffffffffffffffffffffffffffff',
  ],
] as const;

/** RFC 1321 and FIPS 180-4: the digests of "abc". */
const ABC: Readonly<Record<HashName, string>> = {
  md5: '900150983cd24fb0d6963f7d28e17f72',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384:
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163' +
    '1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
    '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
};

/** RFC 4231 §4.2, §4.3, §4.7: key, data, HMAC-SHA-256, HMAC-SHA-512. */
const HMACS = [
  [
    '0b'.repeat(20),
    toHex(utf8Bytes('Hi There')),
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde' +
      'daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  ],
  [
    toHex(utf8Bytes('Jefe')),
    toHex(utf8Bytes('what do ya want for nothing?')),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554' +
      '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  ],
  [
    'aa'.repeat(131),
    toHex(utf8Bytes('Test Using Larger Than Block-Size Key - Hash Key First')),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352' +
      '6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  ],
] as const;

/** Runs the contract. */
export function symmetricContract(provider: CryptoProvider): void {
  describe('randomBytes', () => {
    it.each([0, 1, 8, 64, 65, 70_000])('gives %d fresh bytes', (length) => {
      const first = provider.randomBytes(length);
      const second = provider.randomBytes(length);
      expect([first.length, second.length]).toEqual([length, length]);
      expect(first.buffer).not.toBe(second.buffer);
      if (length >= 8) expect(toHex(first)).not.toBe(toHex(second));
    });

    it('hands no byte out twice', () => {
      const seen = new Set(Array.from({ length: 5000 }, () => toHex(provider.randomBytes(12))));
      expect(seen.size).toBe(5000);
    });
  });

  describe('hash and hmac', () => {
    it.each(Object.entries(ABC) as [HashName, string][])('%s', (name, digest) => {
      expect(toHex(provider.hash(name, [utf8Bytes('abc')]))).toBe(digest);
      const parts = ['a', '', 'b', 'c'].map((text) => utf8Bytes(text));
      expect(toHex(provider.hash(name, parts))).toBe(digest);
    });

    it.each(HMACS)('hmac of RFC 4231, vector %#', (key, data, sha256, sha512) => {
      const message = fromHex(data);
      for (const [name, expected] of [['sha256', sha256] as const, ['sha512', sha512] as const]) {
        const hmac = provider.hmac(name, fromHex(key));
        expect(toHex(hmac([message]))).toBe(expected);
        // The same function again, in parts: one MAC leaves nothing behind for the next.
        expect(toHex(hmac([message.subarray(0, 3), message.subarray(3)]))).toBe(expected);
      }
    });
  });

  describe('aesCtr', () => {
    const counter = fromHex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');

    it.each(AES_CTR)('SP 800-38A F.5, vector %#', (key, ciphertext) => {
      const cipher = provider.aesCtr(fromHex(key), counter);
      expect(toHex(cipher(fromHex(SP800_38A_PLAINTEXT)))).toBe(ciphertext);
    });

    it.each([1, 3, 4, 15, 16, 17, 20])('goes on after pieces of %d bytes', (size) => {
      const [key, ciphertext] = AES_CTR[2];
      const cipher = provider.aesCtr(fromHex(key), counter);
      const plaintext = fromHex(SP800_38A_PLAINTEXT);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < plaintext.length; at += size) {
        pieces.push(cipher(plaintext.subarray(at, at + size)));
      }
      expect(toHex(concatBytes(pieces))).toBe(ciphertext);
    });

    it('carries through all 128 bits of the counter', () => {
      const key = ramp(16);
      const both = provider.aesCtr(key, fromHex('ff'.repeat(16)))(new Uint8Array(32));
      const wrapped = provider.aesCtr(key, new Uint8Array(16))(new Uint8Array(16));
      expect(toHex(both.subarray(16))).toBe(toHex(wrapped));
    });

    it('leaves counter and input as they are, wherever the input lies', () => {
      const key = ramp(16);
      const kept = counter.slice();
      const memory = ramp(40);
      for (const at of [0, 1, 2, 3]) {
        const cipher = provider.aesCtr(key, kept);
        const input = memory.subarray(at, at + 32);
        expect(toHex(provider.aesCtr(key, counter)(cipher(input)))).toBe(toHex(input));
      }
      expect([toHex(kept), toHex(memory)]).toEqual([toHex(counter), toHex(ramp(40))]);
    });

    it('refuses a key of another length', () => {
      expect(() => provider.aesCtr(ramp(17), counter)(counter)).toThrow();
    });
  });

  describe('aesGcm', () => {
    it.each(AES_GCM)('McGrew and Viega, vector %#', (key, ciphertext, tag) => {
      const gcm = provider.aesGcm(fromHex(key));
      const target = new Uint8Array(GCM_PLAINTEXT.length + 16 + 5);
      gcm.seal(GCM_NONCE, GCM_ASSOCIATED, GCM_PLAINTEXT, target, 3);
      expect(toHex(target)).toBe(`000000${ciphertext}${tag}0000`);
      const opened = gcm.open(GCM_NONCE, GCM_ASSOCIATED, target.subarray(3, -2));
      expect(opened && toHex(opened)).toBe(toHex(GCM_PLAINTEXT));
    });

    it('seals in place', () => {
      const [key, ciphertext, tag] = AES_GCM[0];
      const memory = new Uint8Array(GCM_PLAINTEXT.length + 16);
      memory.set(GCM_PLAINTEXT);
      const plaintext = memory.subarray(0, GCM_PLAINTEXT.length);
      provider.aesGcm(fromHex(key)).seal(GCM_NONCE, GCM_ASSOCIATED, plaintext, memory, 0);
      expect(toHex(memory)).toBe(ciphertext + tag);
    });

    it('opens nothing that was touched, nor with a shorter tag', () => {
      const gcm = provider.aesGcm(ramp(32));
      const sealed = new Uint8Array(20 + 16);
      gcm.seal(GCM_NONCE, GCM_ASSOCIATED, ramp(20), sealed, 0);
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const touched = sealed.slice();
        touched[bit >> 3]! ^= 1 << (bit & 7);
        expect(gcm.open(GCM_NONCE, GCM_ASSOCIATED, touched)).toBeUndefined();
      }
      for (let length = 0; length < sealed.length; length++) {
        const short = sealed.subarray(0, length);
        expect(gcm.open(GCM_NONCE, GCM_ASSOCIATED, short)).toBeUndefined();
      }
      expect(gcm.open(GCM_NONCE, GCM_ASSOCIATED.subarray(1), sealed)).toBeUndefined();
      expect(gcm.open(ramp(12), GCM_ASSOCIATED, sealed)).toBeUndefined();
      expect(gcm.open(GCM_NONCE, GCM_ASSOCIATED, sealed)).toEqual(ramp(20));
    });
  });

  describe('chacha20', () => {
    it('RFC 8439 A.1', () => {
      const stream = provider.chacha20(new Uint8Array(32), new Uint8Array(8));
      expect(toHex(stream(new Uint8Array(128)))).toBe(CHACHA20_ZERO);
    });

    it.each([1, 32, 63, 64, 65, 100, 128, 256])(
      'a nonce of 64 bits, in pieces of %d bytes',
      (size) => {
        const stream = provider.chacha20(ramp(32), ramp(8));
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < 256; at += size) {
          pieces.push(stream(new Uint8Array(Math.min(size, 256 - at))));
        }
        expect(toHex(concatBytes(pieces))).toBe(CHACHA20_NONCE);
      },
    );

    it('is the same stream whatever sizes it is asked for', () => {
      const whole = provider.chacha20(ramp(32), ramp(8))(new Uint8Array(10_000));
      const stream = provider.chacha20(ramp(32), ramp(8));
      const sizes = [64, 36, 28, 2000, 1, 63, 5000, 300, 2508];
      const pieces = sizes.map((size) => stream(new Uint8Array(size)));
      expect(toHex(concatBytes(pieces))).toBe(toHex(whole));
    });

    it('keeps its nonce when the caller changes his', () => {
      const nonce = ramp(8);
      const stream = provider.chacha20(ramp(32), nonce);
      nonce.fill(0xff);
      expect(toHex(stream(new Uint8Array(256)))).toBe(CHACHA20_NONCE);
    });
  });

  describe('poly1305', () => {
    it.each(POLY1305)('RFC 8439, vector %#', (key, message, tag) => {
      const bytes = fromHex(message);
      expect(toHex(provider.poly1305(fromHex(key), [bytes]))).toBe(tag);
      const parts = [bytes.subarray(0, 4), bytes.subarray(4)];
      expect(toHex(provider.poly1305(fromHex(key), parts))).toBe(tag);
    });
  });
}
