/**
 * Private key files, whatever they are: OpenSSH's own format, and the PEM that OpenSSL writes and older versions of ssh-keygen
 * wrote (PKCS#1, SEC 1, PKCS#8), plain or encrypted. One key per file.
 */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../crypto/provider.ts';
import { abortedError, isSshError } from '../errors.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import { keyFormatError } from './key-format.ts';
import { openOpensshKey, OPENSSH_LABEL, opensshPublicPart } from './openssh-private-key.ts';
import { keyFileText, pemLabel, type PemBlock, readPem } from './pem.ts';
import { openLegacyPem, openPkcs8, type PemSecret } from './pem-encryption.ts';
import { readDsaKey, readPkcs1, readPkcs8, readSec1 } from './pem-structures.ts';
import { PrivateKey, type PrivateKeyMaterial } from './private-key.ts';
import type { PublicKey } from './public-key.ts';

/** What reading a key file can be told. */
export interface ParsePrivateKeyOptions {
  /** For an encrypted file; a plain one does not need it, and does not mind it. */
  readonly passphrase?: string | Uint8Array;
  /** Where the file is, for messages and for `PrivateKey.source`. */
  readonly source?: string;
  /** Gives up while the key is derived from the passphrase; where that is by PBKDF2 or scrypt, behind it. */
  readonly signal?: AbortSignal;
  readonly provider?: CryptoProvider;
}

/** A format of PEM. */
interface PemFormat {
  readonly name: string;
  read(bytes: Uint8Array, what: string): PrivateKeyMaterial;
}

const PEM_FORMATS: ReadonlyMap<string, PemFormat> = new Map([
  ['RSA PRIVATE KEY', { name: 'PKCS#1', read: readPkcs1 }],
  ['DSA PRIVATE KEY', { name: 'DSA', read: readDsaKey }],
  ['EC PRIVATE KEY', { name: 'SEC 1', read: readSec1 }],
  ['PRIVATE KEY', { name: 'PKCS#8', read: readPkcs8 }],
]);
const ENCRYPTED_PKCS8 = 'ENCRYPTED PRIVATE KEY';

const BY_PUTTYGEN = 'puttygen FILE -O private-openssh-new -o NEW-FILE converts it';

/** How files in other formats begin, what they are, and how to get from there to here. */
const FOREIGN_FORMATS: readonly (readonly [start: string, name: string, advice: string])[] = [
  ['PuTTY-User-Key-File-', 'PuTTY', BY_PUTTYGEN],
  ['---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----', 'ssh.com', BY_PUTTYGEN],
  ['SSH PRIVATE KEY FILE FORMAT 1.1', 'SSH-1', 'SSH-1 keys are no longer safe'],
];

const PUBLIC_KEY_STARTS = ['ssh-', 'ecdsa-', 'sk-', '---- BEGIN SSH2 PUBLIC KEY'] as const;

/**
 * Reads a private key file: what `ssh-keygen` writes, and what OpenSSL does (PKCS#1, SEC 1 and PKCS#8 in PEM); `PrivateKey.format`
 * says which it was. It is asynchronous because a passphrase costs up to a second of work, which is done in small steps.
 *
 * Rejects with a `key-format` error: `passphrase-needed`, `wrong-passphrase`, `malformed`, or `unsupported` for other formats
 * (the message names them), ciphers and key types. Rejects with `aborted` when the signal fires.
 *
 * @example
 * ```ts
 * const key = await parsePrivateKey(await readFile('id_ed25519'), { passphrase: 'correct horse' });
 * ```
 */
export async function parsePrivateKey(
  file: string | Uint8Array,
  options: ParsePrivateKeyOptions = {},
): Promise<PrivateKey> {
  const what = nameOf(options.source);
  const block = readBlock(file, what);
  if (block.label === OPENSSH_LABEL) return openOpensshKey(block.bytes, what, options);
  const { format, bytes } = await openPem(block, what, options);
  try {
    return keyOf(format, bytes, what, options);
  } catch (error) {
    // padding that is right by chance, one time in 256
    if (
      bytes !== block.bytes &&
      isSshError(error, 'key-format') &&
      error.detail.reason === 'malformed'
    )
      throw keyFormatError('wrong-passphrase', `${what}: wrong passphrase`, error);
    throw error;
  } finally {
    // the key has its own copy
    bytes.fill(0);
  }
}

/**
 * The public key of a private key file, where it is there to be read without the passphrase: not in encrypted PEM. Nothing proves
 * that the secret part of an encrypted file belongs to it until that is opened.
 *
 * Throws a `key-format` error like `parsePrivateKey`.
 */
export function parsePrivateKeyPublicPart(file: string | Uint8Array, source?: string): PublicKey {
  const what = nameOf(source);
  const block = readBlock(file, what);
  if (block.label === OPENSSH_LABEL) return opensshPublicPart(block.bytes, what);
  if (isEncrypted(block)) throw passphraseNeeded(what);
  return keyOf(formatOf(block.label, what), block.bytes, what, {}).publicKey;
}

function nameOf(source: string | undefined): string {
  return source === undefined ? 'private key' : `private key ${source}`;
}

function readBlock(file: string | Uint8Array, what: string): PemBlock {
  const text = keyFileText(file, what);
  const label = pemLabel(text);
  const isKnown =
    label === OPENSSH_LABEL || label === ENCRYPTED_PKCS8 || PEM_FORMATS.has(label ?? '');
  if (!isKnown) throw foreignFormat(text, what);
  return readPem(text, what);
}

function isEncrypted({ label, headers }: PemBlock): boolean {
  return label === ENCRYPTED_PKCS8 || headers.get('Proc-Type')?.endsWith('ENCRYPTED') === true;
}

async function openPem(
  block: PemBlock,
  what: string,
  { passphrase, provider = defaultProvider, signal }: ParsePrivateKeyOptions,
): Promise<{ readonly format: PemFormat; readonly bytes: Uint8Array }> {
  const format = formatOf(block.label, what);
  if (!isEncrypted(block)) return { format, bytes: block.bytes };
  if (passphrase === undefined) throw passphraseNeeded(what);
  const text = typeof passphrase === 'string' ? utf8Bytes(passphrase) : passphrase;
  const secret: PemSecret = { what, passphrase: text, provider };
  const info = block.headers.get('DEK-Info') ?? '';
  const bytes =
    block.label === ENCRYPTED_PKCS8
      ? await openPkcs8(block.bytes, secret)
      : openLegacyPem(block.bytes, info, secret);
  if (signal?.aborted === true) throw abortedError(signal);
  return { format, bytes };
}

function keyOf(
  format: PemFormat,
  bytes: Uint8Array,
  what: string,
  { source, provider }: ParsePrivateKeyOptions,
): PrivateKey {
  return new PrivateKey(format.read(bytes, what), {
    format: format.name,
    ...(source === undefined ? {} : { source }),
    ...(provider === undefined ? {} : { provider }),
  });
}

function formatOf(label: string, what: string): PemFormat {
  const format = PEM_FORMATS.get(label === ENCRYPTED_PKCS8 ? 'PRIVATE KEY' : label);
  if (format === undefined) throw keyFormatError('unsupported', `${what}: ${label}`);
  return format;
}

function passphraseNeeded(what: string): Error {
  return keyFormatError('passphrase-needed', `${what}: encrypted with a passphrase`);
}

function foreignFormat(text: string, what: string): Error {
  const format = FOREIGN_FORMATS.find(([start]) => text.startsWith(start));
  if (format !== undefined) {
    const [, name, advice] = format;
    return keyFormatError('unsupported', `${what}: the format ${name} is not supported; ${advice}`);
  }
  return PUBLIC_KEY_STARTS.some((start) => text.startsWith(start))
    ? keyFormatError('malformed', `${what}: this is a public key, not a private one`)
    : keyFormatError('malformed', `${what}: does not begin with -----BEGIN … PRIVATE KEY-----`);
}
