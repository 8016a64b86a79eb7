/** Key files in PEM: what ssh-keygen and OpenSSL write, and files that are broken in every way we could think of. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { isSshError } from '../../src/errors.ts';
import { objectIdentifier } from '../../src/keys/der.ts';
import { formatPrivateKey } from '../../src/keys/openssh-private-key.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import { parsePrivateKey, parsePrivateKeyPublicPart } from '../../src/keys/private-key-file.ts';
import { formatPublicKeyLine } from '../../src/keys/public-key.ts';
import { verifySignature } from '../../src/keys/signature-algorithms.ts';
import { concatBytes, fromBase64, fromHex, toBase64, utf8Bytes } from '../../src/wire/bytes.ts';
import { describeWithSshKeygen, sshKeygen, useDirectory } from '../support/ssh-keygen.ts';

const PASSPHRASE = 'correct horse';

/** Why a file is refused. */
async function reason(
  file: string | Uint8Array,
  options: Parameters<typeof parsePrivateKey>[1] = {},
): Promise<string> {
  try {
    await parsePrivateKey(file, options);
  } catch (error) {
    return isSshError(error, 'key-format') ? error.detail.reason : `unexpected: ${String(error)}`;
  }
  return 'none';
}

function body(pem: string): Uint8Array {
  return fromBase64(pem.split('\n').slice(1, -2).join('')) ?? new Uint8Array(0);
}

function pem(label: string, bytes: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${toBase64(bytes)}\n-----END ${label}-----\n`;
}

const SALT = der(0x04, new Uint8Array(8));

/** An element of DER, shorter than 64 KiB. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(contents);
  const { length } = content;
  const head =
    length < 0x80 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(tag, ...head, ...content);
}

function integer(value: number): Uint8Array {
  const digits = value.toString(16);
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  return der(0x02, fromHex(/^[89a-f]/.test(hex) ? `00${hex}` : hex));
}

function identifier(dotted: string): Uint8Array {
  return der(0x06, objectIdentifier(dotted));
}

/** A file whose key is derived so; what it encrypts is nothing. */
function encryptedPkcs8(kdf: string, parameters: readonly Uint8Array[]): string {
  const derivation = der(0x30, identifier(kdf), der(0x30, ...parameters));
  const cipher = der(0x30, identifier('2.16.840.1.101.3.4.1.2'), der(0x04, new Uint8Array(16)));
  const scheme = der(0x30, identifier('1.2.840.113549.1.5.13'), der(0x30, derivation, cipher));
  return pem('ENCRYPTED PRIVATE KEY', der(0x30, scheme, der(0x04, new Uint8Array(16))));
}

describeWithSshKeygen('PEM of ssh-keygen', () => {
  const path = useDirectory();

  it.each([
    ['PEM', 'rsa', '2048', 'PKCS#1'],
    ['PEM', 'ecdsa', '256', 'SEC 1'],
    ['PEM', 'ecdsa', '521', 'SEC 1'],
    ['PKCS8', 'rsa', '3072', 'PKCS#8'],
    ['PKCS8', 'ecdsa', '384', 'PKCS#8'],
  ])('%s of %s %s is read, plain and encrypted', async (format, type, bits, name) => {
    for (const passphrase of ['', PASSPHRASE]) {
      const file = path(`${format}-${type}-${bits}-${String(passphrase.length)}`);
      const options = [
        '-t',
        type,
        '-b',
        bits,
        '-m',
        format,
        '-N',
        passphrase,
        '-C',
        '',
        '-f',
        file,
      ];
      sshKeygen(['-q', ...options]);
      const text = readFileSync(file, 'utf8');
      const key = await parsePrivateKey(text, { passphrase, source: file });
      expect([key.format, key.source]).toEqual([name, file]);
      const line = readFileSync(`${file}.pub`, 'utf8').trim();
      expect(formatPublicKeyLine(key.publicKey)).toBe(line);

      const [algorithm = ''] = key.algorithms;
      const signature = await key.sign(utf8Bytes('data'), algorithm);
      expect(verifySignature(algorithm, key.publicKey, utf8Bytes('data'), signature)).toBe(true);

      if (passphrase === '') {
        expect(formatPublicKeyLine(parsePrivateKeyPublicPart(text))).toBe(line);
        continue;
      }
      expect(await reason(text)).toBe('passphrase-needed');
      expect(await reason(text, { passphrase: 'wrong' })).toBe('wrong-passphrase');
      expect(await reason(text, { passphrase: '' })).toBe('wrong-passphrase');
      expect(() => parsePrivateKeyPublicPart(text)).toThrow(
        expect.objectContaining({ detail: { reason: 'passphrase-needed' } }),
      );
    }
  });
});

describe('PEM of OpenSSL', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  const ed25519 = generateKeyPairSync('ed25519').privateKey;

  const CIPHERS = ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'des-ede3-cbc'];
  const FORMATS: readonly [string, typeof rsa, 'pkcs1' | 'sec1' | 'pkcs8'][] = [
    ['PKCS#1', rsa, 'pkcs1'],
    ['SEC 1', ec, 'sec1'],
    ['PKCS#8', rsa, 'pkcs8'],
    ['PKCS#8', ec, 'pkcs8'],
    ['PKCS#8', ed25519, 'pkcs8'],
  ];

  describe.each([nodeProvider, nobleProvider])('with the provider $name', (provider) => {
    it.each(FORMATS)('%s', async (format, key, type) => {
      const plain = key.export({ type, format: 'pem' });
      const expected = (await parsePrivateKey(plain, { provider })).publicKey;
      expect(await parsePrivateKey(plain, { provider })).toMatchObject({ format });
      for (const cipher of CIPHERS) {
        const options = { type, format: 'pem', cipher, passphrase: PASSPHRASE } as const;
        const text = key.export(options);
        const opened = await parsePrivateKey(text, { provider, passphrase: PASSPHRASE });
        expect(opened.publicKey).toEqual(expected);
      }
    });
  });

  /** OpenSSL 3 has DES no longer unless it is told to. */
  const LEGACY = ['-provider', 'legacy', '-provider', 'default'];
  const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
  (hasOpenssl ? it : it.skip).each([
    [['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512', '-iter', '5000']],
    [['-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1']],
    [['-scrypt', '-scrypt_N', '1024']],
    [['-v1', 'PBE-SHA1-3DES']],
    [['-v1', 'PBE-SHA1-2DES', '-iter', '3']],
    [[...LEGACY, '-v1', 'PBE-MD5-DES']],
    [[...LEGACY, '-v1', 'PBE-SHA1-DES']],
  ])('PKCS#8 of `openssl pkcs8 %s` (skipped without openssl)', async (options) => {
    const input = ed25519.export({ type: 'pkcs8', format: 'pem' });
    const words = ['pkcs8', '-topk8', ...options, '-passout', `pass:${PASSPHRASE}`];
    const { stdout, status } = spawnSync('openssl', words, { input, encoding: 'utf8' });
    expect(status).toBe(0);
    const key = await parsePrivateKey(stdout, { passphrase: PASSPHRASE });
    expect(key.publicKey).toEqual((await parsePrivateKey(input)).publicKey);
    expect(await reason(stdout, { passphrase: 'wrong' })).toBe('wrong-passphrase');
  });

  (hasOpenssl ? it : it.skip)(
    'PKCS#8 with more iterations than anybody has is not supported',
    async () => {
      const input = ed25519.export({ type: 'pkcs8', format: 'pem' });
      const words = [
        'pkcs8',
        '-topk8',
        '-v1',
        'PBE-SHA1-3DES',
        '-iter',
        '70000',
        '-passout',
        'pass:x',
      ];
      const { stdout } = spawnSync('openssl', words, { input, encoding: 'utf8' });
      expect(await reason(stdout, { passphrase: 'x' })).toBe('unsupported');
    },
  );

  it('may stand behind something else, as the parameters of its curve', async () => {
    const text = ec.export({ type: 'sec1', format: 'pem' }) as string;
    const parameters = pem('EC PARAMETERS', identifier('1.3.132.0.34'));
    const { publicKey } = await parsePrivateKey(text);
    for (const before of [parameters, 'Bag Attributes\n    friendlyName: me\n'])
      expect(await parsePrivateKey(before + text)).toMatchObject({ format: 'SEC 1', publicKey });
    expect(await reason(parameters)).toBe('malformed');
  });

  it('of a curve that SSH does not have is not supported', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    for (const type of ['sec1', 'pkcs8'] as const) {
      expect(await reason(privateKey.export({ type, format: 'pem' }))).toBe('unsupported');
    }
  });

  it('that names two curves is malformed', async () => {
    const inner = der(
      0x30,
      integer(1),
      der(0x04, new Uint8Array(32).fill(1)),
      der(0xa0, identifier('1.2.840.10045.3.1.7')),
    );
    const naming = (curve: string): string =>
      pem(
        'PRIVATE KEY',
        der(
          0x30,
          integer(0),
          der(0x30, identifier('1.2.840.10045.2.1'), identifier(curve)),
          der(0x04, inner),
        ),
      );
    expect(await reason(naming('1.2.840.10045.3.1.7'))).toBe('none');
    expect(await reason(naming('1.3.132.0.34'))).toBe('malformed');
  });

  it('of another type of key is not supported', async () => {
    const { privateKey } = generateKeyPairSync('x25519');
    expect(await reason(privateKey.export({ type: 'pkcs8', format: 'pem' }))).toBe('unsupported');
  });

  describe('that is broken', () => {
    let files: readonly (readonly [label: string, bytes: Uint8Array])[];
    beforeAll(() => {
      files = [
        ['RSA PRIVATE KEY', body(rsa.export({ type: 'pkcs1', format: 'pem' }) as string)],
        ['EC PRIVATE KEY', body(ec.export({ type: 'sec1', format: 'pem' }) as string)],
        ['PRIVATE KEY', body(ed25519.export({ type: 'pkcs8', format: 'pem' }) as string)],
      ];
    });

    it('is malformed wherever it ends, and when more follows', async () => {
      for (const [label, bytes] of files) {
        for (let end = 0; end < bytes.length; end += Math.ceil(bytes.length / 97))
          expect(await reason(pem(label, bytes.subarray(0, end)))).toBe('malformed');
        expect(await reason(pem(label, Uint8Array.of(...bytes, 0)))).toBe('malformed');
      }
    });

    it('is another key or a typed error, whatever byte is changed', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.nat(2),
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          async (which, at, xor) => {
            const [label, bytes] = files[which]!;
            const changed = bytes.slice();
            changed[at % bytes.length]! ^= xor;
            expect(['none', 'malformed', 'unsupported']).toContain(
              await reason(pem(label, changed)),
            );
          },
        ),
        { numRuns: 300 },
      );
    });

    it.each([
      [
        'a cipher that is not known',
        'Proc-Type: 4,ENCRYPTED\nDEK-Info: RC2-CBC,0011223344556677',
        'unsupported',
      ],
      ['no IV', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011', 'malformed'],
      ['no DEK-Info', 'Proc-Type: 4,ENCRYPTED', 'unsupported'],
    ])('with %s', async (_, headers, expected) => {
      const text = pem('RSA PRIVATE KEY', new Uint8Array(32)).replace('\n', `\n${headers}\n\n`);
      expect(await reason(text, { passphrase: PASSPHRASE })).toBe(expected);
    });

    it.each([
      ['2^31 iterations of PBKDF2', '1.2.840.113549.1.5.12', [SALT, integer(0x7fff_ffff)]],
      [
        '4 GiB of scrypt',
        '1.3.6.1.4.1.11591.4.11',
        [SALT, integer(1 << 22), integer(8), integer(1)],
      ],
    ])('is refused before it costs %s', async (_, kdf, parameters) => {
      const file = encryptedPkcs8(kdf, parameters);
      expect(await reason(file, { passphrase: PASSPHRASE })).toBe('unsupported');
    });

    it.each([
      ['no iterations', '1.2.840.113549.1.5.12', [SALT, integer(0)]],
      ['a cost of 3', '1.3.6.1.4.1.11591.4.11', [SALT, integer(3), integer(8), integer(1)]],
      ['blocks of 0', '1.3.6.1.4.1.11591.4.11', [SALT, integer(2), integer(0), integer(1)]],
    ])('is malformed with %s', async (_, kdf, parameters) => {
      const file = encryptedPkcs8(kdf, parameters);
      expect(await reason(file, { passphrase: PASSPHRASE })).toBe('malformed');
    });
  });
});

describe('other files', () => {
  it.each([
    ['PuTTY-User-Key-File-3: ssh-ed25519\n', 'unsupported'],
    ['ssh-ed25519 AAAA me', 'malformed'],
    ['', 'malformed'],
    ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'malformed'],
    ['-----BEGIN RSA PRIVATE KEY-----\nAAAA\n', 'malformed'],
    ['-----BEGIN RSA PRIVATE KEY-----\n!!!!\n-----END RSA PRIVATE KEY-----\n', 'malformed'],
    [' '.repeat((1 << 20) + 1), 'malformed'],
  ])('%#: are refused', async (text, expected) => {
    expect(await reason(text)).toBe(expected);
  });

  it('of OpenSSH say so', async () => {
    const file = await formatPrivateKey(generatePrivateKey('ed25519'));
    expect(await parsePrivateKey(file)).toMatchObject({ format: 'OpenSSH' });
    // the same key by OpenSSL's reader, as far as that reads the format
    expect(() => createPrivateKey(file)).toThrow();
  });
});
