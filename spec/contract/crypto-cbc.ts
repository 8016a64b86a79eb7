/** The contract of AES-CBC. */
import { describe, expect, it } from '@jest/globals';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { concatBytes, fromHex, toHex } from '../../src/wire/bytes.ts';

const IV = fromHex('000102030405060708090a0b0c0d0e0f');
const PLAINTEXT = fromHex(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51' +
    '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
);

/** SP 800-38A F.2.1 and F.2.5: key and ciphertext. */
const CBC = [
  [
    '2b7e151628aed2a6abf7158809cf4f3c',
    '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2' +
      '73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7',
  ],
  [
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d' +
      '39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b',
  ],
] as const;

/** Of `openssl enc -des-ede3-cbc`: key, IV and ciphertext. */
const TRIPLE_DES = [
  '0123456789abcdef23456789abcdef01456789abcdef0123',
  'f69f2445df4f9b17',
  '2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7' +
    '9bd86425fae429fdbd65a7a21b6e5d20925d8b0ef919a428154b96ed90f2bc1e',
] as const;

/** Runs the contract. */
export function cbcContract(provider: CryptoProvider): void {
  describe('aesCbc', () => {
    it.each(CBC)('SP 800-38A F.2 with the key %s', (key, ciphertext) => {
      const encrypt = provider.aesCbc(fromHex(key), IV, 'encrypt');
      expect(toHex(encrypt(PLAINTEXT))).toBe(ciphertext);
      const decrypt = provider.aesCbc(fromHex(key), IV, 'decrypt');
      expect(decrypt(fromHex(ciphertext))).toEqual(PLAINTEXT);
    });

    it.each(['encrypt', 'decrypt'] as const)('goes on from call to call (%s)', (direction) => {
      const whole = provider.aesCbc(IV, IV, direction)(PLAINTEXT);
      const cipher = provider.aesCbc(IV, IV, direction);
      const parts = [0, 16, 16, 48, 64].map((end, index, ends) =>
        cipher(PLAINTEXT.subarray(ends[index - 1] ?? 0, end)),
      );
      expect(toHex(concatBytes(parts))).toBe(toHex(whole));
    });
  });

  describe('tripleDesCbc', () => {
    const [key, iv, ciphertext] = TRIPLE_DES.map((hex) => fromHex(hex));

    it('is what OpenSSL makes', () => {
      const encrypt = provider.tripleDesCbc(key!, iv!, 'encrypt');
      const parts = [encrypt(PLAINTEXT.subarray(0, 8)), encrypt(PLAINTEXT.subarray(8))];
      expect(toHex(concatBytes(parts))).toBe(toHex(ciphertext!));
      const decrypt = provider.tripleDesCbc(key!, iv!, 'decrypt');
      expect(toHex(decrypt(ciphertext!))).toBe(toHex(PLAINTEXT));
    });
  });
}
