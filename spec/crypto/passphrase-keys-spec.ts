import { describe, expect, it } from '@jest/globals';
import { pbkdf2, scrypt } from '../../src/crypto/passphrase-keys.ts';
import { toHex, utf8Bytes } from '../../src/wire/bytes.ts';

describe('pbkdf2', () => {
  it('RFC 6070 §2', async () => {
    const key = await pbkdf2({
      ...{ hash: 'sha1', passphrase: utf8Bytes('password'), salt: utf8Bytes('salt') },
      ...{ iterations: 4096, length: 20 },
    });
    expect(toHex(key)).toBe('4b007901b765489abead49d926f721d065a429c1');
  });

  it('is the same without Web Crypto', async () => {
    const options = {
      ...{ passphrase: utf8Bytes('passwd'), salt: utf8Bytes('salt'), iterations: 100, length: 40 },
    };
    for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const key = await pbkdf2({ ...options, hash });
      const { subtle } = globalThis.crypto;
      Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined, configurable: true });
      try {
        expect(await pbkdf2({ ...options, hash })).toEqual(key);
      } finally {
        Object.defineProperty(globalThis.crypto, 'subtle', { value: subtle, configurable: true });
      }
    }
  });

  it('RFC 7914 §11', async () => {
    const key = await pbkdf2({
      ...{ hash: 'sha256', passphrase: utf8Bytes('passwd'), salt: utf8Bytes('salt') },
      ...{ iterations: 1, length: 64 },
    });
    expect(toHex(key)).toBe(
      '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc' +
        '49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
    );
  });
});

it('scrypt: RFC 7914 §12', async () => {
  const key = await scrypt({
    ...{ passphrase: utf8Bytes('password'), salt: utf8Bytes('NaCl') },
    ...{ cost: 1024, blockSize: 8, parallelization: 16, length: 64 },
  });
  expect(toHex(key)).toBe(
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162' +
      '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
  );
});
