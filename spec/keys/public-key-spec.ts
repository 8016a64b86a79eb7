/** Public keys: which blobs and lines are keys, and which are not. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError, type SshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import {
  equalPublicKeys,
  formatPublicKeyLine,
  hasMinimumRsaBits,
  parsePublicKey,
  parsePublicKeyLine,
  publicKeyOf,
  rsaBits,
} from '../../src/keys/public-key.ts';
import { fromHex, utf8Bytes } from '../../src/wire/bytes.ts';
import { Writer } from '../../src/wire/writer.ts';
import { securityKey } from '../support/security-key.ts';

const ED25519_LINE =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ';

const ed25519 = (key: Uint8Array): Uint8Array =>
  new Writer().utf8('ssh-ed25519').string(key).bytes();
const ecdsa = (type: string, curve: string, point: Uint8Array): Uint8Array =>
  new Writer().utf8(type).utf8(curve).string(point).bytes();
const rsa = (e: bigint, n: bigint): Uint8Array =>
  new Writer().utf8('ssh-rsa').mpint(e).mpint(n).bytes();
const rsaRaw = (e: Uint8Array, n: Uint8Array): Uint8Array =>
  new Writer().utf8('ssh-rsa').string(e).string(n).bytes();
const point = (length: number, first = 4): Uint8Array => {
  const bytes = new Uint8Array(length).fill(7);
  bytes[0] = first;
  return bytes;
};

const N2048 = (1n << 2047n) + 1n;
const E = new Uint8Array([1, 0, 1]);
const modulus = (bytes: number): Uint8Array => {
  const n = new Uint8Array(bytes + 1).fill(0x81);
  n[0] = 0;
  return n;
};

function failure(run: () => unknown): SshError<'key-format'> {
  try {
    run();
  } catch (error) {
    if (isSshError(error, 'key-format')) return error;
    throw error;
  }
  throw new Error('it should have thrown');
}

const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  // The same points, not in their canonical encoding.
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
];

describe('parsePublicKey', () => {
  it('reads every type, and keeps a copy of the blob', () => {
    for (const blob of [
      ed25519(new Uint8Array(32).fill(9)),
      ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(65)),
      ecdsa('ecdsa-sha2-nistp384', 'nistp384', point(97)),
      ecdsa('ecdsa-sha2-nistp521', 'nistp521', point(133)),
      rsa(65537n, N2048),
      securityKey('sk-ssh-ed25519@openssh.com').publicKey.blob,
      securityKey('sk-ecdsa-sha2-nistp256@openssh.com').publicKey.blob,
    ]) {
      const original = blob.slice();
      const key = parsePublicKey(Buffer.from(blob.buffer, blob.byteOffset, blob.length));
      blob.fill(0);
      expect(key.blob).toEqual(original);
      expect(key.blob.constructor).toBe(Uint8Array);
      expect(publicKeyOf(key.material)).toEqual(key);
    }
  });

  it.each<readonly [what: string, reason: string, blob: Uint8Array]>([
    ['nothing', 'malformed', new Uint8Array(0)],
    ['no name', 'unsupported', new Writer().utf8('').bytes()],
    ['an unknown type', 'unsupported', new Writer().utf8('ssh-xmss@spec').bytes()],
    ['a certificate', 'unsupported', new Writer().utf8('ssh-ed25519-cert-v01@openssh.com').bytes()],
    ['a name that is not ASCII', 'malformed', new Writer().utf8('ssh-\u00e9').bytes()],
    ['a property of objects', 'unsupported', new Writer().utf8('constructor').bytes()],
    ['an Ed25519 key of 31 bytes', 'malformed', ed25519(new Uint8Array(31).fill(9))],
    ['an Ed25519 key of 33 bytes', 'malformed', ed25519(new Uint8Array(33).fill(9))],
    ...SMALL_ORDER.map(
      (hex) => [`the Ed25519 key ${hex}`, 'malformed', ed25519(fromHex(hex))] as const,
    ),
    [
      'bytes behind the key',
      'malformed',
      new Uint8Array([...ed25519(new Uint8Array(32).fill(9)), 0]),
    ],
    [
      'an ECDSA key of another curve',
      'malformed',
      ecdsa('ecdsa-sha2-nistp256', 'nistp384', point(97)),
    ],
    ['an ECDSA key too short', 'malformed', ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(64))],
    ['an ECDSA key too long', 'malformed', ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(66))],
    ['a compressed ECDSA key', 'malformed', ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(33, 2))],
    [
      'the ECDSA point at infinity',
      'malformed',
      ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(1, 0)),
    ],
    ['RSA of 512 bits', 'malformed', rsaRaw(E, modulus(64))],
    ['RSA of 1016 bits', 'malformed', rsaRaw(E, modulus(127))],
    ['RSA of 16392 bits', 'malformed', rsaRaw(E, modulus(2049))],
    ['RSA of 65536 bits', 'malformed', rsaRaw(E, modulus(8192))],
    ['RSA with an even modulus', 'malformed', rsa(65537n, N2048 + 1n)],
    ['RSA with a negative modulus', 'malformed', rsa(65537n, -N2048)],
    ['RSA with a modulus of zero', 'malformed', rsa(65537n, 0n)],
    ['RSA with exponent 0', 'malformed', rsa(0n, N2048)],
    ['RSA with exponent 1', 'malformed', rsa(1n, N2048)],
    ['RSA with exponent 2', 'malformed', rsa(2n, N2048)],
    ['RSA with a negative exponent', 'malformed', rsa(-3n, N2048)],
    ['RSA with exponent 2^32+1', 'malformed', rsa((1n << 32n) + 1n, N2048)],
    ['RSA with exponent 2^64', 'malformed', rsa(1n << 64n, N2048)],
    [
      'RSA with a zero in front of the exponent',
      'malformed',
      rsaRaw(new Uint8Array([0, 1, 0, 1]), modulus(256)),
    ],
    [
      'RSA with zeros in front of the modulus',
      'malformed',
      rsaRaw(E, new Uint8Array([0, ...modulus(256)])),
    ],
  ])('refuses %s as %s', (_what, reason, blob) => {
    const started = performance.now();
    expect(failure(() => parsePublicKey(blob)).detail.reason).toBe(reason);
    expect(performance.now() - started).toBeLessThan(50);
  });

  it('refuses a blob that is cut short anywhere', () => {
    for (const blob of [
      ed25519(new Uint8Array(32).fill(9)),
      ecdsa('ecdsa-sha2-nistp256', 'nistp256', point(65)),
      rsa(65537n, N2048),
    ]) {
      for (let length = 0; length < blob.length; length++)
        expect(failure(() => parsePublicKey(blob.subarray(0, length)))).toBeDefined();
    }
  });

  it('F13: reads any bytes as a key or refuses them as a key', () => {
    const prefixes = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'];
    fc.assert(
      fc.property(fc.constantFrom(...prefixes), fc.uint8Array(), (type, rest) => {
        for (const bytes of [rest, new Writer().utf8(type).raw(rest).bytes()]) {
          try {
            expect(parsePublicKey(bytes).blob).toEqual(bytes);
          } catch (error) {
            expect(isSshError(error, 'key-format')).toBe(true);
          }
        }
      }),
    );
  });
});

describe('RSA sizes', () => {
  it.each([
    [1024, false],
    [2047, false],
    [2048, true],
    [16384, true],
  ])('of %d bits are read; enough by default: %j', (bits, isEnough) => {
    const key = parsePublicKey(rsa(65537n, (1n << BigInt(bits - 1)) + 1n));
    expect(rsaBits(key)).toBe(bits);
    expect(hasMinimumRsaBits(key)).toBe(isEnough);
    expect(hasMinimumRsaBits(key, bits)).toBe(true);
    expect(hasMinimumRsaBits(key, bits + 1)).toBe(false);
  });

  it('are not asked of other keys', () => {
    const { publicKey } = generatePrivateKey('ed25519');
    expect(rsaBits(publicKey)).toBeUndefined();
    expect(hasMinimumRsaBits(publicKey, 1e9)).toBe(true);
  });
});

describe('public key lines', () => {
  it('give key and comment, and are written back', () => {
    const { publicKey, comment } = parsePublicKeyLine(`${ED25519_LINE} me  at home \r\n`);
    expect(comment).toBe('me  at home');
    expect(formatPublicKeyLine(publicKey, comment)).toBe(`${ED25519_LINE} me  at home`);
    expect(formatPublicKeyLine(publicKey)).toBe(ED25519_LINE);
    expect(parsePublicKeyLine(`\t${ED25519_LINE.replace(' ', ' \t ')}`).comment).toBe('');
  });

  it.each([
    ['nothing', ''],
    ['no key', 'ssh-ed25519'],
    ['no key and a blank', 'ssh-ed25519 '],
    ['the key alone', ED25519_LINE.split(' ')[1]!],
    ['another type', ED25519_LINE.replace('ssh-ed25519', 'ssh-rsa')],
    ['the type in capitals', ED25519_LINE.replace('ssh-ed25519', 'SSH-ED25519')],
    ['another type that is not supported', ED25519_LINE.replace('ssh-ed25519', 'ssh-dss')],
    ['what is not base64', 'ssh-ed25519 *'],
    ['base64 that is cut', ED25519_LINE.slice(0, -1)],
    ['base64 of the URL kind', ED25519_LINE.replace('/', '_')],
    ['two lines', `${ED25519_LINE}\n${ED25519_LINE}`],
    ['a carriage return', `${ED25519_LINE}\r x`],
    ['a no-break space', ED25519_LINE.replace(' ', '\u00a0')],
    ['a megabyte', `${ED25519_LINE} ${'x'.repeat(1 << 20)}`],
  ])('are refused with %s', (_what, line) => {
    expect(failure(() => parsePublicKeyLine(line)).detail.reason).toBe('malformed');
  });

  it('are refused with a type that is not supported', () => {
    const error = failure(() => parsePublicKeyLine('ssh-unknown AAAAC3NzaC11bmtub3du'));
    expect(error.detail.reason).toBe('unsupported');
  });

  it('are not written with a comment that would make two', () => {
    const { publicKey } = parsePublicKeyLine(ED25519_LINE);
    for (const comment of ['a\nb', 'a\rb', '\u0000', '\u001b[2J', '\u2028'])
      expect(() => formatPublicKeyLine(publicKey, comment)).toThrow('control characters');
  });
});

describe('equalPublicKeys', () => {
  it('F3: compares whole blobs', () => {
    const key = parsePublicKey(ed25519(new Uint8Array(32).fill(9)));
    const last = new Uint8Array(32).fill(9);
    last[31] = 10;
    expect(equalPublicKeys(key, parsePublicKey(Buffer.from(key.blob)))).toBe(true);
    expect(equalPublicKeys(key, parsePublicKey(ed25519(last)))).toBe(false);
    expect(equalPublicKeys(key, { ...key, blob: key.blob.subarray(0, 40) })).toBe(false);
  });
});

describe('fingerprint', () => {
  it('is of the key or of its blob', () => {
    const { publicKey } = parsePublicKeyLine(ED25519_LINE);
    expect(fingerprint(publicKey)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(fingerprint(publicKey.blob)).toBe(fingerprint(publicKey));
    expect(fingerprint(utf8Bytes(''))).toBe('SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU');
  });
});
