/**
 * Private key files as OpenSSH writes them (PROTOCOL.key): `-----BEGIN OPENSSH PRIVATE KEY-----`, plain or encrypted with a
 * passphrase. Which of the formats a file has is told in private-key-file.ts.
 */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../crypto/provider.ts';
import { escapeText, SshError } from '../errors.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import type { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { bcryptPbkdf, MAX_BCRYPT_ROUNDS } from './bcrypt-pbkdf.ts';
import { keyFormatError, readKeyData } from './key-format.ts';
import {
  type CipherKeys,
  type KeyFileCipher,
  keyFileCipher,
  NO_CIPHER,
} from './openssh-ciphers.ts';
import { readPrivateMaterial, writePrivateMaterial } from './openssh-private-fields.ts';
import { writePem } from './pem.ts';
import { PrivateKey } from './private-key.ts';
import type { ParsePrivateKeyOptions } from './private-key-file.ts';
import { checkComment, parsePublicKey, type PublicKey } from './public-key.ts';

/** What writing a key file can be told. */
export interface FormatPrivateKeyOptions {
  /** Encrypts the file; it may not be empty. */
  readonly passphrase?: string | Uint8Array;
  /** How slow each guess at the passphrase is made, 1 to 1024; 24 unless said otherwise, as OpenSSH does. */
  readonly rounds?: number;
  /** Instead of the key's own comment. */
  readonly comment?: string;
  /** `aes256-ctr` unless said otherwise. */
  readonly cipher?: string;
  readonly signal?: AbortSignal;
  readonly provider?: CryptoProvider;
}

/** The parts of a file before its secret one is opened. */
interface Container {
  readonly what: string;
  readonly cipher: KeyFileCipher;
  readonly kdf: BcryptOptions | undefined;
  readonly publicKey: PublicKey;
  /** The encrypted part with its tag. */
  readonly sealed: Uint8Array;
}

interface BcryptOptions {
  readonly salt: Uint8Array;
  readonly rounds: number;
}

/** What stands in the marks of the file. */
export const OPENSSH_LABEL = 'OPENSSH PRIVATE KEY';

const MAGIC = utf8Bytes('openssh-key-v1\0');
const DEFAULT_CIPHER = 'aes256-ctr';
const DEFAULT_ROUNDS = 24;
const SALT_LENGTH = 16;

/** Opens the bytes of a file; see `parsePrivateKey`. */
export async function openOpensshKey(
  bytes: Uint8Array,
  what: string,
  options: ParsePrivateKeyOptions,
): Promise<PrivateKey> {
  const container = readContainer(bytes, what);
  const plaintext = await openContainer(container, options);
  try {
    return readPrivatePart(container, plaintext, options);
  } finally {
    plaintext.fill(0);
  }
}

/** The public key in the bytes of a file; see `parsePrivateKeyPublicPart`. */
export function opensshPublicPart(bytes: Uint8Array, what: string): PublicKey {
  return readContainer(bytes, what).publicKey;
}

/**
 * The text of a private key file. It ends in a line end; write it to a file that only its owner can read.
 *
 * Rejects with a `config` error for an empty passphrase, rounds out of range, a comment with control characters or a cipher
 * that is not known, and with `aborted` when the signal fires.
 */
export async function formatPrivateKey(
  key: PrivateKey,
  options: FormatPrivateKeyOptions = {},
): Promise<string> {
  const { passphrase, provider = defaultProvider } = options;
  const comment = options.comment ?? key.comment ?? '';
  checkComment(comment);
  const cipher = cipherFor(passphrase, options.cipher);
  const kdf = { salt: provider.randomBytes(SALT_LENGTH), rounds: options.rounds ?? DEFAULT_ROUNDS };
  const keys =
    passphrase === undefined
      ? NO_KEYS
      : await deriveKeys(cipher, kdf, passphraseBytes(passphrase), options);
  const plaintext = privatePart(key, comment, cipher.blockSize, provider);
  const sealed = cipher.encrypt(provider, keys, plaintext);
  plaintext.fill(0);

  const writer = new Writer().raw(MAGIC).utf8(cipher.name);
  if (passphrase === undefined) writer.utf8('none').utf8('');
  else writer.utf8('bcrypt').string(new Writer().string(kdf.salt).uint32(kdf.rounds).bytes());
  writer.uint32(1).string(key.publicKey.blob);
  writer.uint32(sealed.length - cipher.tagLength).raw(sealed);
  return writePem(OPENSSH_LABEL, writer.bytes());
}

const NO_KEYS: CipherKeys = { key: new Uint8Array(0), iv: new Uint8Array(0) };

function cipherFor(passphrase: string | Uint8Array | undefined, name?: string): KeyFileCipher {
  if (passphrase?.length === 0) {
    // Whoever reads a passphrase from a variable that is not set must not end up with a key in the clear.
    throw new SshError('config', 'the passphrase is empty; leave it out to write the key plain', {
      option: 'passphrase',
    });
  }
  const wanted = passphrase === undefined ? NO_CIPHER : (name ?? DEFAULT_CIPHER);
  const cipher = keyFileCipher(wanted);
  if (cipher === undefined || (cipher.name === NO_CIPHER && passphrase !== undefined)) {
    throw new SshError('config', `key files cannot be encrypted with ${escapeText(wanted, 64)}`, {
      option: 'cipher',
    });
  }
  return cipher;
}

function readContainer(bytes: Uint8Array, what: string): Container {
  return readKeyData(bytes, what, (reader) => {
    if (!equalBytes(reader.fixed(MAGIC.length), MAGIC))
      throw reader.error('not an openssh-key-v1 file');
    const cipherName = reader.ascii();
    const cipher = keyFileCipher(cipherName);
    if (cipher === undefined)
      throw keyFormatError(
        'unsupported',
        `${what}: cipher ${escapeText(cipherName, 64)} is not supported`,
      );
    const kdf = readKdf(reader, cipher, what);
    const count = reader.uint32();
    if (count !== 1) throw reader.error(`${String(count)} keys instead of one`);
    const publicKey = parsePublicKey(reader.string());
    // The length is that of the ciphertext alone: a tag stands behind the string.
    const length = reader.uint32();
    if (length === 0 || length % cipher.blockSize !== 0)
      throw reader.error(`secret part of ${String(length)} bytes`);
    return { what, cipher, kdf, publicKey, sealed: reader.fixed(length + cipher.tagLength) };
  });
}

function readKdf(reader: Reader, cipher: KeyFileCipher, what: string): BcryptOptions | undefined {
  const name = reader.ascii();
  const options = reader.string();
  if (name !== 'none' && name !== 'bcrypt')
    throw keyFormatError(
      'unsupported',
      `${what}: key derivation ${escapeText(name, 64)} is not supported`,
    );
  if ((name === 'none') !== (cipher.name === NO_CIPHER))
    throw reader.error(`cipher ${cipher.name} with key derivation ${name}`);
  if (name === 'none') {
    if (options.length > 0) throw reader.error('options for no key derivation');
    return undefined;
  }
  return readKeyData(options, `${what}, bcrypt options`, (inner) => {
    const salt = inner.string();
    const rounds = inner.uint32();
    if (salt.length === 0 || rounds === 0) throw inner.error('no salt or no rounds');
    // Rounds are work: the file of a stranger must not keep us busy for years.
    if (rounds > MAX_BCRYPT_ROUNDS) {
      throw keyFormatError(
        'unsupported',
        `${what}: ${String(rounds)} bcrypt rounds, at most ${String(MAX_BCRYPT_ROUNDS)} are worked through`,
      );
    }
    return { salt, rounds };
  });
}

async function openContainer(
  container: Container,
  options: ParsePrivateKeyOptions,
): Promise<Uint8Array> {
  const { cipher, kdf, what, sealed } = container;
  const { passphrase, provider = defaultProvider } = options;
  if (kdf === undefined) return sealed.slice();
  if (passphrase === undefined)
    throw keyFormatError('passphrase-needed', `${what}: encrypted with a passphrase`);
  if (passphrase.length === 0) throw wrongPassphrase(what);
  const keys = await deriveKeys(cipher, kdf, passphraseBytes(passphrase), options);
  const plaintext = cipher.decrypt(provider, keys, sealed);
  keys.key.fill(0);
  if (plaintext === undefined) throw wrongPassphrase(what);
  return plaintext;
}

async function deriveKeys(
  cipher: KeyFileCipher,
  kdf: BcryptOptions,
  passphrase: Uint8Array,
  options: { readonly signal?: AbortSignal; readonly provider?: CryptoProvider },
): Promise<CipherKeys> {
  const length = cipher.keyLength + cipher.ivLength;
  const derived = await bcryptPbkdf({
    passphrase,
    ...kdf,
    length,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.provider === undefined ? {} : { provider: options.provider }),
  });
  return { key: derived.subarray(0, cipher.keyLength), iv: derived.subarray(cipher.keyLength) };
}

function readPrivatePart(
  container: Container,
  plaintext: Uint8Array,
  options: ParsePrivateKeyOptions,
): PrivateKey {
  const { what, kdf, publicKey } = container;
  return readKeyData(plaintext, what, (reader) => {
    if (reader.uint32() !== reader.uint32())
      throw kdf === undefined ? reader.error('check numbers that differ') : wrongPassphrase(what);
    const { material, publicKey: declared } = readPrivateMaterial(reader);
    const comment = reader.lossyText();
    readPadding(reader);
    const key = new PrivateKey(material, {
      comment,
      format: 'OpenSSH',
      ...(options.source === undefined ? {} : { source: options.source }),
      ...(options.provider === undefined ? {} : { provider: options.provider }),
    });
    // A signature under a public key that is not the secret one's would give an Ed25519 key away.
    if (![declared, publicKey.blob].every((blob) => equalBytes(blob, key.publicKey.blob)))
      throw reader.error('public and secret part that do not belong together');
    return key;
  });
}

function readPadding(reader: Reader): void {
  for (let expected = 1; reader.remaining > 0; expected++)
    if (reader.byte() !== expected) throw reader.error('padding that is not 1, 2, 3, …');
}

function privatePart(
  key: PrivateKey,
  comment: string,
  blockSize: number,
  provider: CryptoProvider,
): Uint8Array {
  const check = provider.randomBytes(4);
  const writer = new Writer().raw(check).raw(check);
  writePrivateMaterial(writer, key);
  writer.utf8(comment);
  for (let padding = 1; writer.length % blockSize !== 0; padding++) writer.byte(padding);
  return writer.bytes();
}

/** Text is UTF-8, as OpenSSH takes it from a terminal. */
function passphraseBytes(passphrase: string | Uint8Array): Uint8Array {
  return typeof passphrase === 'string' ? utf8Bytes(passphrase) : passphrase;
}

function wrongPassphrase(what: string): SshError<'key-format'> {
  return keyFormatError('wrong-passphrase', `${what}: wrong passphrase`);
}
