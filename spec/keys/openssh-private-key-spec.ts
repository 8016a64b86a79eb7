/** Private key files: against the real ssh-keygen, and against files that are broken in every way we could think of. */
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { defaultProvider } from '#crypto';
import fc from 'fast-check';
import { isSshError, type SshError } from '../../src/errors.ts';
import { fingerprint } from '../../src/keys/fingerprint.ts';
import { formatPrivateKey } from '../../src/keys/openssh-private-key.ts';
import { parsePrivateKey, parsePrivateKeyPublicPart } from '../../src/keys/private-key-file.ts';
import { generatePrivateKey, privateKeyFromSeed } from '../../src/keys/private-key.ts';
import { formatPublicKeyLine, parsePublicKeyLine } from '../../src/keys/public-key.ts';
import { verifySignature } from '../../src/keys/signature-algorithms.ts';
import { fromBase64, toBase64, utf8Bytes } from '../../src/wire/bytes.ts';
import { Reader } from '../../src/wire/reader.ts';
import { Writer } from '../../src/wire/writer.ts';
import { describeWithSshKeygen, sshKeygen, useDirectory } from '../support/ssh-keygen.ts';

const TYPES = [
  ['ed25519', '256'],
  ['ecdsa', '256'],
  ['ecdsa', '384'],
  ['ecdsa', '521'],
  ['rsa', '2048'],
  ['rsa', '3072'],
] as const;

const CIPHERS = [
  'aes256-ctr',
  'aes192-ctr',
  'aes128-ctr',
  'aes256-gcm@openssh.com',
  'aes128-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes256-cbc',
  'aes192-cbc',
  'aes128-cbc',
  '3des-cbc',
];

const SEED = new Uint8Array(32).fill(7);

async function failure(promise: Promise<unknown>): Promise<SshError> {
  try {
    await promise;
  } catch (error) {
    if (isSshError(error)) return error;
    throw error;
  }
  throw new Error('it should have failed');
}

async function reason(promise: Promise<unknown>): Promise<string> {
  const error = await failure(promise);
  return isSshError(error, 'key-format') ? error.detail.reason : error.kind;
}

function armor(bytes: Uint8Array): string {
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${toBase64(bytes)}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

function dearmor(text: string): Uint8Array {
  return fromBase64(text.replace(/-----[^\n]*\n/g, '').replaceAll('\n', ''))!;
}

describeWithSshKeygen('private key files and ssh-keygen', () => {
  const path = useDirectory();

  describe.each(TYPES)('%s %s', (type, bits) => {
    const name = `${type}-${bits}`;
    beforeAll(() => {
      sshKeygen(['-q', '-t', type, '-b', bits, '-N', '', '-C', `me on ${name}`, '-f', path(name)]);
    });

    it('reads the key, with its public part and comment', async () => {
      const key = await parsePrivateKey(readFileSync(path(name)), { source: name });
      const line = readFileSync(path(`${name}.pub`), 'utf8');
      expect(formatPublicKeyLine(key.publicKey, key.comment)).toBe(line.trimEnd());
      expect(parsePublicKeyLine(line).publicKey).toEqual(key.publicKey);
      expect(key.source).toBe(name);
      expect(parsePrivateKeyPublicPart(readFileSync(path(name), 'utf8'))).toEqual(key.publicKey);
    });

    it('prints the same fingerprint', () => {
      const { publicKey } = parsePublicKeyLine(readFileSync(path(`${name}.pub`), 'utf8'));
      expect(sshKeygen(['-l', '-f', path(`${name}.pub`)]).split(' ')[1]).toBe(
        fingerprint(publicKey),
      );
    });

    it('writes a file that ssh-keygen reads, plain and encrypted', async () => {
      const key = await parsePrivateKey(readFileSync(path(name)));
      const line = readFileSync(path(`${name}.pub`), 'utf8');
      writeFileSync(path(`${name}-plain`), await formatPrivateKey(key), { mode: 0o600 });
      expect(sshKeygen(['-y', '-f', path(`${name}-plain`)])).toBe(line);

      const encrypted = await formatPrivateKey(key, { passphrase: 'pässword', rounds: 2 });
      writeFileSync(path(`${name}-encrypted`), encrypted, { mode: 0o600 });
      expect(sshKeygen(['-y', '-P', 'pässword', '-f', path(`${name}-encrypted`)])).toBe(line);
    });

    it('makes signatures that ssh-keygen verifies, with every algorithm of the key', async () => {
      const key = await parsePrivateKey(readFileSync(path(name)));
      // of SHA-1 it wants to know nothing
      for (const algorithm of key.algorithms.filter((name) => name !== 'ssh-rsa')) {
        const signature = await key.sign(sshsigData('hello'), algorithm);
        writeFileSync(path(`${name}.sig`), sshsig(key.publicKey.blob, signature));
        const args = ['-Y', 'check-novalidate', '-n', 'spec', '-s', path(`${name}.sig`)];
        expect(sshKeygen(args, 'hello')).toContain('Good "spec" signature');
      }
    });

    it('verifies the signatures of ssh-keygen', () => {
      const { publicKey } = parsePublicKeyLine(readFileSync(path(`${name}.pub`), 'utf8'));
      const signed = sshKeygen(['-Y', 'sign', '-n', 'spec', '-f', path(name)], 'hello');
      const body = signed.replace(/-----[^\n]*\n/g, '').replaceAll('\n', '');
      const { algorithm, signature } = signatureOf(fromBase64(body)!);
      expect(verifySignature(algorithm, publicKey, sshsigData('hello'), signature)).toBe(true);
      expect(verifySignature(algorithm, publicKey, sshsigData('other'), signature)).toBe(false);
    });
  });

  it.each(CIPHERS)('reads and writes %s', async (cipher) => {
    const name = `cipher-${cipher}`;
    const generate = ['-q', '-t', 'ed25519', '-C', 'c', '-Z', cipher, '-a', '2', '-f', path(name)];
    sshKeygen([...generate, '-N', 'secret']);
    const text = readFileSync(path(name), 'utf8');
    const line = readFileSync(path(`${name}.pub`), 'utf8');

    const key = await parsePrivateKey(text, { passphrase: 'secret' });
    expect(formatPublicKeyLine(key.publicKey, key.comment)).toBe(line.trimEnd());
    expect(parsePrivateKeyPublicPart(text)).toEqual(key.publicKey);
    expect(await reason(parsePrivateKey(text))).toBe('passphrase-needed');
    expect(await reason(parsePrivateKey(text, { passphrase: 'sEcret' }))).toBe('wrong-passphrase');
    expect(await reason(parsePrivateKey(text, { passphrase: '' }))).toBe('wrong-passphrase');

    const rewritten = await formatPrivateKey(key, { passphrase: 'other', rounds: 3, cipher });
    writeFileSync(path(`${name}-ours`), rewritten, { mode: 0o600 });
    expect(sshKeygen(['-y', '-P', 'other', '-f', path(`${name}-ours`)])).toBe(line);
  });
});

describe('private key files', () => {
  let text = '';
  let bytes: Uint8Array = new Uint8Array(0);

  beforeAll(async () => {
    text = await formatPrivateKey(privateKeyFromSeed(SEED, { comment: 'me' }));
    bytes = dearmor(text);
  });

  it('round-trip every generated type', async () => {
    for (const key of [
      generatePrivateKey('ed25519', { comment: 'one' }),
      generatePrivateKey('ecdsa'),
      generatePrivateKey('ecdsa', { bits: 384 }),
      generatePrivateKey('ecdsa', { bits: 521 }),
    ]) {
      const back = await parsePrivateKey(await formatPrivateKey(key));
      expect(back.publicKey).toEqual(key.publicKey);
      expect(back.secret()).toEqual(key.secret());
      expect(back.comment).toBe(key.comment ?? '');
    }
  });

  it('may have CRLF line ends, white space around, a passphrase that is not needed', async () => {
    const windows = `\ufeff\r\n${text.replaceAll('\n', '\r\n')}\r\n`;
    const key = await parsePrivateKey(utf8Bytes(windows), { passphrase: 'not needed' });
    expect(key.comment).toBe('me');
  });

  it('keep the secret out of logs', () => {
    const key = privateKeyFromSeed(SEED);
    expect(JSON.stringify(key)).not.toContain('seed');
    expect(JSON.stringify(key)).not.toContain('7,7');
  });

  it('F1: that are cut short anywhere are malformed', async () => {
    for (let length = 0; length < bytes.length; length++)
      expect(await reason(parsePrivateKey(armor(bytes.subarray(0, length))))).toBe('malformed');
    for (let length = 0; length < text.length - 1; length++)
      expect(await reason(parsePrivateKey(text.slice(0, length)))).toBe('malformed');
    expect(await reason(parsePrivateKey(armor(new Uint8Array([...bytes, 0]))))).toBe('malformed');
  });

  it('that are encrypted and cut short anywhere are malformed, before any passphrase is tried', async () => {
    const passphrase = 'x';
    for (const cipher of CIPHERS) {
      const key = privateKeyFromSeed(SEED);
      const sealed = dearmor(await formatPrivateKey(key, { passphrase, rounds: 1, cipher }));
      for (let length = 0; length < sealed.length; length++) {
        const cut = armor(sealed.subarray(0, length));
        expect(await reason(parsePrivateKey(cut, { passphrase }))).toBe('malformed');
      }
    }
  });

  it.each(CIPHERS.filter((cipher) => cipher.includes('@')))(
    'that are changed under %s do not open',
    async (cipher) => {
      const options = { passphrase: 'x', rounds: 1, cipher };
      const sealed = dearmor(await formatPrivateKey(privateKeyFromSeed(SEED), options));
      for (const at of [sealed.length - 1, sealed.length - 17, sealed.length - 60]) {
        const changed = sealed.slice();
        changed[at]! ^= 1;
        expect(await reason(parsePrivateKey(armor(changed), options))).toBe('wrong-passphrase');
      }
    },
  );

  it('F1: that are mutated give a key or a typed error, and never another key than the public part says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        async (changes) => {
          const mutated = bytes.slice();
          for (const [at, change] of changes) mutated[at]! ^= change;
          try {
            const key = await parsePrivateKey(armor(mutated));
            expect(parsePrivateKeyPublicPart(armor(mutated))).toEqual(key.publicKey);
          } catch (error) {
            expect(isSshError(error, 'key-format')).toBe(true);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('F13: of arbitrary text give a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string(), fc.uint8Array(), fc.uint8Array().map(armor)),
        async (file) => {
          expect(['malformed', 'unsupported']).toContain(await reason(parsePrivateKey(file)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are not longer than 1 MiB', async () => {
    expect(await reason(parsePrivateKey(`${text}${'\n'.repeat(1 << 20)}`))).toBe('malformed');
    await expect(parsePrivateKey(`${text}${'\n'.repeat(1000)}`)).resolves.toBeDefined();
  });
});

/** Parts of a file, each of which a test can replace. */
interface Parts {
  readonly magic?: string;
  readonly cipher?: string;
  readonly kdf?: string;
  readonly kdfOptions?: Uint8Array;
  readonly count?: number;
  readonly publicKey?: Uint8Array;
  readonly checks?: readonly [number, number];
  readonly type?: string;
  readonly inner?: (writer: Writer) => void;
  readonly padding?: (length: number) => readonly number[];
}

const ED25519 = privateKeyFromSeed(SEED);
const OTHER = privateKeyFromSeed(new Uint8Array(32).fill(8));
const PUBLIC = ED25519.publicKey.blob.slice(-32);
const both = (seed: Uint8Array, publicKey: Uint8Array): Uint8Array =>
  new Uint8Array([...seed, ...publicKey]);

function file(parts: Parts): string {
  const inner = new Writer();
  for (const check of parts.checks ?? [5, 5]) inner.uint32(check);
  inner.utf8(parts.type ?? 'ssh-ed25519');
  if (parts.inner === undefined) inner.string(PUBLIC).string(both(SEED, PUBLIC));
  else parts.inner(inner);
  inner.utf8('comment');
  const length = (8 - (inner.length % 8)) % 8;
  inner.raw(
    new Uint8Array(parts.padding?.(length) ?? Array.from({ length }, (_item, index) => index + 1)),
  );
  return armor(
    new Writer()
      .raw(utf8Bytes(parts.magic ?? 'openssh-key-v1\0'))
      .utf8(parts.cipher ?? 'none')
      .utf8(parts.kdf ?? 'none')
      .string(parts.kdfOptions ?? new Uint8Array(0))
      .uint32(parts.count ?? 1)
      .string(parts.publicKey ?? ED25519.publicKey.blob)
      .string(inner.bytes())
      .bytes(),
  );
}

const bcryptOptions = (rounds: number, salt = new Uint8Array(16)): Uint8Array =>
  new Writer().string(salt).uint32(rounds).bytes();

const P256 = generatePrivateKey('ecdsa');
const ecdsaFile = (scalar: Uint8Array): Parts => ({
  type: 'ecdsa-sha2-nistp256',
  publicKey: P256.publicKey.blob,
  inner: (writer) => writer.raw(P256.publicKey.blob.subarray(23)).string(scalar),
});

const BROKEN: readonly (readonly [what: string, reason: string, file: string])[] = [
  ['another magic', 'malformed', file({ magic: 'openssh-key-v2\0' })],
  ['an unknown cipher', 'unsupported', file({ cipher: 'rot13' })],
  ['an unknown key derivation', 'unsupported', file({ kdf: 'argon2' })],
  ['a cipher without key derivation', 'malformed', file({ cipher: 'aes256-ctr' })],
  ['key derivation without a cipher', 'malformed', file({ kdf: 'bcrypt' })],
  ['options of no key derivation', 'malformed', file({ kdfOptions: bcryptOptions(1) })],
  [
    'bcrypt without options',
    'malformed',
    file({ cipher: 'aes256-ctr', kdf: 'bcrypt', kdfOptions: new Uint8Array(3) }),
  ],
  [
    '0 bcrypt rounds',
    'malformed',
    file({ cipher: 'aes256-ctr', kdf: 'bcrypt', kdfOptions: bcryptOptions(0) }),
  ],
  [
    '2^32-1 bcrypt rounds',
    'unsupported',
    file({ cipher: 'aes256-ctr', kdf: 'bcrypt', kdfOptions: bcryptOptions(0xffffffff) }),
  ],
  [
    '1025 bcrypt rounds',
    'unsupported',
    file({ cipher: 'aes256-ctr', kdf: 'bcrypt', kdfOptions: bcryptOptions(1025) }),
  ],
  [
    'an empty salt',
    'malformed',
    file({ cipher: 'aes256-ctr', kdf: 'bcrypt', kdfOptions: bcryptOptions(1, new Uint8Array(0)) }),
  ],
  ['no key', 'malformed', file({ count: 0 })],
  ['two keys', 'malformed', file({ count: 2 })],
  ['2^32-1 keys', 'malformed', file({ count: 0xffffffff })],
  ['check numbers that differ', 'malformed', file({ checks: [1, 2] })],
  ['padding that is wrong', 'malformed', file({ padding: (length) => Array<number>(length) })],
  [
    'padding that does not align',
    'malformed',
    file({ padding: (length) => Array.from({ length: length + 1 }, (_item, i) => i + 1) }),
  ],
  ['the public key of another', 'malformed', file({ publicKey: OTHER.publicKey.blob })],
  [
    'a public part that is not the seed’s',
    'malformed',
    file({
      publicKey: OTHER.publicKey.blob,
      inner: (writer) =>
        writer
          .string(OTHER.publicKey.blob.slice(-32))
          .string(both(SEED, OTHER.publicKey.blob.slice(-32))),
    }),
  ],
  [
    'a public part within that is not the seed’s',
    'malformed',
    file({
      inner: (writer) =>
        writer
          .string(OTHER.publicKey.blob.slice(-32))
          .string(both(SEED, OTHER.publicKey.blob.slice(-32))),
    }),
  ],
  [
    'two public parts that differ',
    'malformed',
    file({ inner: (writer) => writer.string(PUBLIC).string(both(SEED, SEED)) }),
  ],
  ['a short seed', 'malformed', file({ inner: (writer) => writer.string(PUBLIC).string(SEED) })],
  ['another type within', 'malformed', file({ type: 'ssh-rsa' })],
  ['an unknown type within', 'unsupported', file({ type: 'ssh-xmss@spec' })],
  [
    'an unknown type outside',
    'unsupported',
    file({ publicKey: new Writer().utf8('ssh-xmss@spec').bytes() }),
  ],
  ['an ECDSA scalar of zero', 'malformed', file(ecdsaFile(new Uint8Array(0)))],
  ['the ECDSA scalar of another key', 'malformed', file(ecdsaFile(new Uint8Array(32).fill(0x7f)))],
  [
    'an ECDSA scalar above the order',
    'malformed',
    file(ecdsaFile(new Uint8Array([0, ...Array<number>(32).fill(0xff)]))),
  ],
  ['an ECDSA scalar of a kilobyte', 'malformed', file(ecdsaFile(new Uint8Array(1024).fill(1)))],
  [
    'a public key instead',
    'malformed',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ me',
  ],
  ['a PuTTY file', 'unsupported', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n'],
  ['nothing', 'malformed', ''],
  ['a mark and no end', 'malformed', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n'],
  [
    'what is not base64',
    'malformed',
    '-----BEGIN OPENSSH PRIVATE KEY-----\n!!!!\n-----END OPENSSH PRIVATE KEY-----\n',
  ],
];

describe('broken private key files', () => {
  it('are made from parts that make a good one', async () => {
    await expect(parsePrivateKey(file({}))).resolves.toMatchObject({ comment: 'comment' });
  });

  it.each(BROKEN)('F1: with %s are %s', async (_what, expected, text) => {
    const started = performance.now();
    expect(await reason(parsePrivateKey(text, { passphrase: 'x' }))).toBe(expected);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('say where', async () => {
    const error = await failure(parsePrivateKey(file({ count: 2 }), { source: '~/.ssh/id_x' }));
    expect(error.message).toBe('private key ~/.ssh/id_x: 2 keys instead of one at byte 39');
  });
});

describe('broken RSA private key files', () => {
  // Numbers that belong together; the primes are Mersenne primes and thus no secret.
  const p = (1n << 521n) - 1n;
  const q = (1n << 607n) - 1n;
  const e = 65537n;
  const phi = (p - 1n) * (q - 1n);
  const GOOD = { n: p * q, e, d: inverse(e, phi), iqmp: inverse(q, p), p, q };

  function rsaFile(change: Partial<typeof GOOD>): string {
    const numbers = { ...GOOD, ...change };
    return file({
      type: 'ssh-rsa',
      publicKey: new Writer().utf8('ssh-rsa').mpint(numbers.e).mpint(numbers.n).bytes(),
      inner: (writer) => {
        for (const name of ['n', 'e', 'd', 'iqmp', 'p', 'q'] as const) writer.mpint(numbers[name]);
      },
    });
  }

  it('are made from numbers that make a good one', async () => {
    const key = await parsePrivateKey(rsaFile({}));
    expect(key.publicKey.type).toBe('ssh-rsa');
    expect(key.algorithms).toEqual(['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa']);
  });

  it.each([
    ['another prime', { p: p - 2n }],
    ['primes that are 1 and n', { p: 1n, q: GOOD.n }],
    ['an exponent of zero', { d: 0n }],
    ['a negative exponent', { d: -3n }],
    ['another private exponent', { d: GOOD.d + 2n }],
    ['another public exponent', { e: 3n }],
    ['a public exponent of 1', { e: 1n }],
    ['an even public exponent', { e: 65536n }],
    ['a public exponent of 2^64', { e: 1n << 64n }],
    ['another coefficient', { iqmp: GOOD.iqmp + 1n }],
    ['a coefficient of zero', { iqmp: 0n }],
    ['a modulus of 512 bits', { n: (1n << 512n) - 1n }],
    ['a modulus of 65536 bits', { n: (1n << 65536n) - 1n }],
    ['numbers of 65536 bits', { d: (1n << 65535n) + 1n }],
  ])('with %s are malformed', async (_what, change) => {
    const text = rsaFile(change);
    const started = performance.now();
    expect(await reason(parsePrivateKey(text))).toBe('malformed');
    expect(performance.now() - started).toBeLessThan(50);
  });
});

describe('writing private key files', () => {
  const key = privateKeyFromSeed(SEED, { comment: 'mine' });

  it('refuses an empty passphrase, bad rounds, an unknown cipher, a comment of two lines', async () => {
    expect(await reason(formatPrivateKey(key, { passphrase: '' }))).toBe('config');
    for (const rounds of [0, -1, 1.5, NaN, 1025, 2 ** 32])
      expect(await reason(formatPrivateKey(key, { passphrase: 'x', rounds }))).toBe('config');
    for (const cipher of ['none', 'rot13'])
      expect(await reason(formatPrivateKey(key, { passphrase: 'x', cipher }))).toBe('config');
    expect(await reason(formatPrivateKey(key, { comment: 'a\nb' }))).toBe('config');
  });

  it('takes another comment, and 24 rounds unless told otherwise', async () => {
    const text = await formatPrivateKey(key, { comment: 'yours', passphrase: 'x' });
    expect((await parsePrivateKey(text, { passphrase: 'x' })).comment).toBe('yours');
    expect(dearmor(text).subarray(0, 100).toString()).toContain('0,0,0,24');
  });

  it('makes no two encrypted files alike', async () => {
    const options = { passphrase: 'x', rounds: 1 };
    expect(await formatPrivateKey(key, options)).not.toBe(await formatPrivateKey(key, options));
  });

  it('gives up when the signal fires', async () => {
    const controller = new AbortController();
    const writing = formatPrivateKey(key, {
      passphrase: 'x',
      rounds: 1024,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 20);
    expect(await reason(writing)).toBe('aborted');
  });
});

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a % b, y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

/** What ssh-keygen -Y signs (PROTOCOL.sshsig §2). */
function sshsigData(message: string): Uint8Array {
  return new Writer()
    .raw(utf8Bytes('SSHSIG'))
    .utf8('spec')
    .utf8('')
    .utf8('sha512')
    .string(defaultProvider.hash('sha512', [utf8Bytes(message)]))
    .bytes();
}

function sshsig(publicKey: Uint8Array, signature: Uint8Array): string {
  const bytes = new Writer()
    .raw(utf8Bytes('SSHSIG'))
    .uint32(1)
    .string(publicKey)
    .utf8('spec')
    .utf8('')
    .utf8('sha512')
    .string(signature)
    .bytes();
  const lines = toBase64(bytes).match(/.{1,70}/g)!;
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`;
}

function signatureOf(sshsigBytes: Uint8Array): { algorithm: string; signature: Uint8Array } {
  const reader = new Reader(sshsigBytes.subarray(10));
  for (let i = 0; i < 4; i++) reader.string();
  const signature = reader.string();
  return { algorithm: new Reader(signature).ascii(), signature };
}
