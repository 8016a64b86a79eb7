/** bcrypt_pbkdf: OpenBSD's vectors, the package's own function, and an event loop that goes on. */
import { describe, expect, it } from '@jest/globals';
import { pbkdf } from 'bcrypt-pbkdf';
import { isSshError } from '../../src/errors.ts';
import { bcryptPbkdf, type BcryptPbkdfOptions } from '../../src/keys/bcrypt-pbkdf.ts';
import { fromHex, toHex, utf8Bytes } from '../../src/wire/bytes.ts';

const GOOD: BcryptPbkdfOptions = {
  passphrase: utf8Bytes('password'),
  salt: utf8Bytes('salt'),
  rounds: 4,
  length: 32,
};

async function kind(options: Partial<BcryptPbkdfOptions>): Promise<string> {
  try {
    await bcryptPbkdf({ ...GOOD, ...options });
    return 'none';
  } catch (error) {
    return isSshError(error) ? error.kind : String(error);
  }
}

describe('bcryptPbkdf', () => {
  // OpenBSD regress/lib/libutil/bcrypt_pbkdf/bcrypt_pbkdf_test.c
  it.each([
    ['password', 'salt', 4, '5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9'],
    ['password', '\0', 4, 'c12b566235eee04c212598970a579a67'],
    ['\0', 'salt', 4, '6051be18c2f4f82cbf0efee5471b4bb9'],
  ])('derives from %j and %j in %d rounds', async (passphrase, salt, rounds, expected) => {
    const key = await bcryptPbkdf({
      passphrase: utf8Bytes(passphrase),
      salt: utf8Bytes(salt),
      rounds,
      length: fromHex(expected).length,
    });
    expect(toHex(key)).toBe(expected);
  });

  it.each([1, 16, 31, 32, 33, 48, 64, 65, 100])(
    'derives %d bytes like the package does',
    async (length) => {
      const { passphrase, salt } = GOOD;
      const expected = new Uint8Array(length);
      pbkdf(passphrase, passphrase.length, salt, salt.length, expected, length, 3);
      expect(toHex(await bcryptPbkdf({ ...GOOD, rounds: 3, length }))).toBe(toHex(expected));
    },
  );

  it('refuses arguments out of range before it works', async () => {
    for (const options of [
      { passphrase: new Uint8Array(0) },
      { salt: new Uint8Array(0) },
      { rounds: 0 },
      { rounds: 1025 },
      { rounds: 2 ** 32 - 1 },
      { rounds: 1.5 },
      { rounds: NaN },
      { length: 0 },
      { length: 1025 },
    ])
      expect(await kind(options)).toBe('config');
  });

  it('lets timers have their turn', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await bcryptPbkdf({ ...GOOD, rounds: 30 });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('gives up when the signal fires, also when it has fired before', async () => {
    const signal = AbortSignal.timeout(20);
    const started = performance.now();
    expect(await kind({ rounds: 1024, length: 1024, signal })).toBe('aborted');
    expect(performance.now() - started).toBeLessThan(1000);
    expect(await kind({ signal })).toBe('aborted');
  });
});
