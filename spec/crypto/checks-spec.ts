/** The checks under both providers, which a library's own check may hide there. */
import { describe, expect, it } from '@jest/globals';
import { checkSecret } from '../../src/crypto/checks.ts';
import { isSafeEd25519Key } from '../../src/crypto/ed25519-keys.ts';
import { isSafeRsaKey, MAX_RSA_BITS, MIN_RSA_BITS, rsaBits } from '../../src/crypto/rsa.ts';
import { fromHex } from '../../src/wire/bytes.ts';
import { reasonOf } from '../contract/crypto-key-exchange.ts';

describe('K10: isSafeRsaKey', () => {
  const n = 2n ** 2047n + 1n;
  it.each([
    ['an ordinary key', { n, e: 65537n }, true],
    ['e of 3', { n, e: 3n }, true],
    ['e of 2³² − 1', { n, e: 2n ** 32n - 1n }, true],
    ['e of 2³² + 1', { n, e: 2n ** 32n + 1n }, false],
    ['e of 1', { n, e: 1n }, false],
    ['an even e', { n, e: 4n }, false],
    ['a negative e', { n, e: -3n }, false],
    ['an even n', { n: n + 1n, e: 65537n }, false],
    ['a negative n', { n: -n, e: 65537n }, false],
    ['1024 bits', { n: 2n ** 1023n + 1n, e: 65537n }, true],
    ['1023 bits', { n: 2n ** 1022n + 1n, e: 65537n }, false],
    ['16384 bits', { n: 2n ** 16383n + 1n, e: 65537n }, true],
    ['16385 bits', { n: 2n ** 16384n + 1n, e: 65537n }, false],
  ])('%s', (_what, key, isSafe) => {
    expect(isSafeRsaKey(key)).toBe(isSafe);
  });

  it.each([
    [1n, 1],
    [255n, 8],
    [256n, 9],
    [2n ** 2048n - 1n, 2048],
    [2n ** 2048n, 2049],
  ])('counts the bits of a modulus', (modulus, bits) => {
    expect(rsaBits({ n: modulus, e: 3n })).toBe(bits);
    expect([MIN_RSA_BITS, MAX_RSA_BITS]).toEqual([1024, 16384]);
  });
});

describe('K13: isSafeEd25519Key', () => {
  const prime = `ed${'ff'.repeat(30)}7f`;
  it.each([
    ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', true],
    // The largest y that is reduced but p − 1, which is of small order; then p + 1 to p + 18.
    [`eb${prime.slice(2)}`, true],
    [prime, false],
    [`ee${prime.slice(2)}`, false],
    [`f0${prime.slice(2)}`, false],
    [`ff${prime.slice(2)}`, false],
    [`ff${prime.slice(2, -2)}ff`, false],
    // One byte below the prime in the middle.
    [`ff${'ff'.repeat(15)}fe${'ff'.repeat(14)}7f`, true],
    ['', false],
    ['00'.repeat(33), false],
  ])('%s: %s', (key, isSafe) => {
    expect(isSafeEd25519Key(fromHex(key))).toBe(isSafe);
  });
});

describe('checkSecret', () => {
  it('refuses nothing but zeros', () => {
    expect(reasonOf(() => checkSecret(new Uint8Array(32)))).toBe(3);
    for (let at = 0; at < 32; at++) {
      const secret = new Uint8Array(32);
      secret[at] = 1;
      expect(checkSecret(secret)).toBe(secret);
    }
  });
});
