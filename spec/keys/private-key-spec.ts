/** Private keys in memory, with the Node provider and with the portable one. */
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { isSshError } from '../../src/errors.ts';
import { formatPrivateKey } from '../../src/keys/openssh-private-key.ts';
import { parsePrivateKey } from '../../src/keys/private-key-file.ts';
import {
  generatePrivateKey,
  PrivateKey,
  type PrivateKeyMaterial,
  privateKeyFromSeed,
} from '../../src/keys/private-key.ts';
import { verifySignature } from '../../src/keys/signature-algorithms.ts';
import { fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';

const DATA = utf8Bytes('what is signed');

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a % b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** A key of Mersenne primes, which hide nothing. */
function rsaMaterial(): PrivateKeyMaterial {
  const [p, q, e] = [(1n << 1279n) - 1n, (1n << 2203n) - 1n, 65537n];
  return {
    ...{ kind: 'rsa', n: p * q, e, d: inverse(e, (p - 1n) * (q - 1n)) },
    ...{ p, q, iqmp: inverse(q, p) },
  };
}

describe.each([nobleProvider, nodeProvider])('private keys with $name', (provider) => {
  const other = provider === nobleProvider ? nodeProvider : nobleProvider;

  it('make the signature of RFC 8032 §7.1, test 3', () => {
    const seed = fromHex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7');
    const key = privateKeyFromSeed(seed, { provider });
    seed.fill(0);
    const signature = key.sign(fromHex('af82'), 'ssh-ed25519') as Uint8Array;
    expect(toHex(signature.subarray(-64))).toBe(
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    );
  });

  it('sign so that the other provider verifies', async () => {
    for (const key of [
      generatePrivateKey('ed25519', { provider }),
      generatePrivateKey('ecdsa', { provider }),
      generatePrivateKey('ecdsa', { provider, bits: 384 }),
      generatePrivateKey('ecdsa', { provider, bits: 521 }),
      new PrivateKey(rsaMaterial(), { provider }),
    ]) {
      for (const algorithm of key.algorithms) {
        const signature = await key.sign(DATA, algorithm);
        expect(verifySignature(algorithm, key.publicKey, DATA, signature, other)).toBe(true);
      }
    }
  });

  it.each(['aes256-ctr', 'aes128-gcm@openssh.com', 'chacha20-poly1305@openssh.com'])(
    'are written with %s so that the other provider reads them',
    async (cipher) => {
      const key = generatePrivateKey('ed25519', { provider });
      const text = await formatPrivateKey(key, { passphrase: 'x', rounds: 1, cipher, provider });
      const back = await parsePrivateKey(text, { passphrase: 'x', provider: other });
      expect(back.publicKey).toEqual(key.publicKey);
    },
  );

  it('refuse a secret part that is none', () => {
    const rsa = rsaMaterial();
    if (rsa.kind !== 'rsa') throw new Error('not RSA');
    for (const material of [
      { kind: 'ed25519', seed: new Uint8Array(31) },
      { kind: 'ecdsa', curve: 'nistp256', scalar: new Uint8Array(31).fill(1) },
      { kind: 'ecdsa', curve: 'nistp256', scalar: new Uint8Array(32) },
      { kind: 'ecdsa', curve: 'nistp256', scalar: new Uint8Array(32).fill(0xff) },
      { ...rsa, d: rsa.d + 2n },
      { ...rsa, p: 0n },
      { ...rsa, p: 1n, q: rsa.n },
      { ...rsa, n: -rsa.n, p: -rsa.p },
    ] as const) {
      let thrown: unknown;
      try {
        new PrivateKey(material, { provider });
      } catch (error) {
        thrown = error;
      }
      expect(isSshError(thrown, 'key-format')).toBe(true);
    }
  });
});

describe('private keys', () => {
  it('show no secret', () => {
    const key = privateKeyFromSeed(new Uint8Array(32).fill(0x5a), { comment: 'mine' });
    for (const shown of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)]) {
      expect(shown).toContain('mine');
      expect(shown).not.toMatch(/90,\s*90,\s*90/);
    }
  });
});
