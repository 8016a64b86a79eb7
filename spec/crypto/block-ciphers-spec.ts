/** Ciphers of 64-bit blocks: Blowfish with its author's vectors, Triple DES against OpenSSL. */
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type SmallBlockCipher, smallCbc, smallCtr } from '../../src/crypto/block-modes.ts';
import { blowfish } from '../../src/crypto/blowfish.ts';
import { tripleDes } from '../../src/crypto/des.ts';
import { concatBytes, fromHex, readUint32, toHex } from '../../src/wire/bytes.ts';

/** B. Schneier's test vectors for Blowfish in ECB: key, plaintext, ciphertext. */
const BLOWFISH = [
  ['0000000000000000', '0000000000000000', '4ef997456198dd78'],
  ['ffffffffffffffff', 'ffffffffffffffff', '51866fd5b85ecb8a'],
  ['3000000000000000', '1000000000000001', '7d856f9a613063f2'],
  ['1111111111111111', '1111111111111111', '2466dd878b963c9d'],
  ['0123456789abcdef', '1111111111111111', '61f9c3802281b096'],
  ['fedcba9876543210', '0123456789abcdef', '0aceab0fc6a0a28d'],
  ['7ca110454a1a6e57', '01a1d6d039776742', '59c68245eb05282b'],
] as const;
/** The same author's in CBC: plaintext filled up with zeros. */
const CBC_KEY = '0123456789abcdeff0e1d2c3b4a59687';
const CBC_IV = 'fedcba9876543210';
const CBC_PLAINTEXT = '37363534333231204e6f77206973207468652074696d6520666f722000000000';
const CBC_CIPHERTEXT = '6b77b4d63006dee605b156e27403979358deb9e7154616d959f1652bd5ff92cc';

const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => (at * 37 + 11) & 0xff);

function block(cipher: SmallBlockCipher, way: 'encrypt' | 'decrypt', hex: string): string {
  const input = fromHex(hex);
  return cipher[way](readUint32(input, 0), readUint32(input, 4))
    .map((half) => half.toString(16).padStart(8, '0'))
    .join('');
}

describe('blowfish', () => {
  it.each(BLOWFISH)('%s: %s is %s', (key, plaintext, ciphertext) => {
    const cipher = blowfish(fromHex(key));
    expect(block(cipher, 'encrypt', plaintext)).toBe(ciphertext);
    expect(block(cipher, 'decrypt', ciphertext)).toBe(plaintext);
  });

  it('chains in CBC', () => {
    const cipher = blowfish(fromHex(CBC_KEY));
    const sealed = smallCbc(cipher, fromHex(CBC_IV), 'encrypt')(fromHex(CBC_PLAINTEXT));
    expect(toHex(sealed)).toBe(CBC_CIPHERTEXT);
    const opened = smallCbc(cipher, fromHex(CBC_IV), 'decrypt')(sealed);
    expect(toHex(opened)).toBe(CBC_PLAINTEXT);
  });

  it('counts over the middle of its counter', () => {
    const cipher = blowfish(bytes(32));
    const stream = smallCtr(cipher, fromHex('00000001ffffffff'));
    const zeros = stream(new Uint8Array(16));
    const expected = ['00000001ffffffff', '0000000200000000'].map((counter) =>
      block(cipher, 'encrypt', counter),
    );
    expect(toHex(zeros)).toBe(expected.join(''));
  });
});

describe('tripleDes', () => {
  it.each(['encrypt', 'decrypt'] as const)('is what OpenSSL has (%s)', (way) => {
    for (let seed = 0; seed < 8; seed++) {
      const key = bytes(24 + seed).subarray(seed);
      const iv = bytes(8);
      const plaintext = bytes(80 + seed * 8);
      const openssl = createCipheriv('des-ede3-cbc', key, iv).setAutoPadding(false);
      const ciphertext = new Uint8Array(openssl.update(plaintext));
      const [input, output] = way === 'encrypt' ? [plaintext, ciphertext] : [ciphertext, plaintext];
      const stream = smallCbc(tripleDes(key), iv, way);
      const inParts = concatBytes([stream(input.subarray(0, 24)), stream(input.subarray(24))]);
      expect(toHex(inParts)).toBe(toHex(output));
    }
  });

  it('takes whole blocks alone', () => {
    const stream = smallCbc(tripleDes(bytes(24)), bytes(8), 'encrypt');
    expect(() => stream(new Uint8Array(7))).toThrow(RangeError);
  });
});
