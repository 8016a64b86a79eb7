/**
 * Public keys: the blobs of RFC 4253 §6.6 (ssh-rsa), RFC 5656 §3.1 (ecdsa-sha2-*) and RFC 8709 §4 (ssh-ed25519), and the
 * one-line form of `.pub` files. A key is checked once, when it is read: what has a `PublicKey` needs no second look at its
 * sizes. Those of security keys (OpenSSH PROTOCOL.u2f) are among them. Certificates are not read here.
 */
import { bytesToInteger } from '../crypto/integers.ts';
import { isUncompressedPoint } from '../crypto/checks.ts';
import { ED25519_KEY_LENGTH, isSafeEd25519Key } from '../crypto/ed25519-keys.ts';
import { DSA_BITS, isSafeDsaKey } from '../crypto/dsa.ts';
import type { CurveName, DsaPublicNumbers } from '../crypto/provider.ts';
import { isSafeRsaKey, MAX_RSA_BITS, rsaBits as modulusBits } from '../crypto/rsa.ts';
import { escapeText, SshError } from '../errors.ts';
import { equalBytes, fromBase64, toBase64 } from '../wire/bytes.ts';
import type { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { keyFormatError, readKeyData, readMagnitude, splitField } from './key-format.ts';

/** What a signature is verified with. */
export type PublicKeyMaterial =
  | {
      readonly kind: 'ed25519';
      /** The 32 bytes of RFC 8032 §5.1.2. */
      readonly publicKey: Uint8Array;
    }
  | {
      readonly kind: 'ecdsa';
      readonly curve: CurveName;
      /** The uncompressed point; whether it lies on the curve is checked by whoever computes with it. */
      readonly point: Uint8Array;
    }
  | { readonly kind: 'rsa'; readonly n: bigint; readonly e: bigint }
  | ({ readonly kind: 'dsa' } & DsaPublicNumbers)
  | {
      /** In a security key (OpenSSH PROTOCOL.u2f). */
      readonly kind: 'sk-ed25519';
      readonly publicKey: Uint8Array;
      /** What the key was made for: `ssh:`, or longer. */
      readonly application: string;
    }
  | {
      readonly kind: 'sk-ecdsa';
      readonly curve: 'nistp256';
      readonly point: Uint8Array;
      readonly application: string;
    };

/** A public key that was read and checked. */
export interface PublicKey {
  /** The name at the start of the blob: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
  readonly type: string;
  /** The key as it stands on the wire; its bytes are the key's identity. */
  readonly blob: Uint8Array;
  /** Its numbers, by kind. */
  readonly material: PublicKeyMaterial;
}

/** RSA moduli below this are refused by policy unless the caller says otherwise. */
export const MINIMUM_RSA_BITS = 2048;

/** Longest public exponent that is read; which ones are safe is for the crypto floor to say. */
const MAX_RSA_EXPONENT_BYTES = 8;
/** A line of a `.pub` file: the longest key takes 3 KiB of base64, and comments are short. */
const MAX_LINE_LENGTH = 65536;

const READERS: ReadonlyMap<string, (reader: Reader) => PublicKeyMaterial> = new Map([
  ['ssh-ed25519', readEd25519],
  ['ecdsa-sha2-nistp256', (reader: Reader) => readEcdsa(reader, 'nistp256')],
  ['ecdsa-sha2-nistp384', (reader: Reader) => readEcdsa(reader, 'nistp384')],
  ['ecdsa-sha2-nistp521', (reader: Reader) => readEcdsa(reader, 'nistp521')],
  ['ssh-rsa', readRsa],
  ['ssh-dss', readDsa],
  ['sk-ssh-ed25519@openssh.com', readSkEd25519],
  ['sk-ecdsa-sha2-nistp256@openssh.com', readSkEcdsa],
]);

/**
 * Reads a public key blob (RFC 4253 §6.6). The blob is copied.
 *
 * Throws a `key-format` error: `malformed`, or `unsupported` for a type that is not known.
 */
export function parsePublicKey(blob: Uint8Array): PublicKey {
  return readKeyData(blob, 'public key', (reader) => {
    const type = reader.ascii();
    const read = READERS.get(type);
    if (read === undefined) {
      const shown = type === '' ? 'without a name' : escapeText(type, 64);
      throw keyFormatError('unsupported', `public key: type ${shown} is not supported`);
    }
    const material = read(reader);
    return { type, blob: new Uint8Array(blob), material };
  });
}

/** The name at the start of a blob, whether or not the type is supported. Throws a `key-format` error with the reason `malformed`. */
function publicKeyType(blob: Uint8Array): string {
  return readKeyData(blob, 'public key', (reader) => {
    const type = reader.ascii();
    reader.rest();
    return type;
  });
}

/**
 * The key that has this material; the inverse of `parsePublicKey`, with the same checks and errors.
 */
export function publicKeyOf(material: PublicKeyMaterial): PublicKey {
  const writer = new Writer();
  switch (material.kind) {
    case 'ed25519':
      writer.utf8('ssh-ed25519').string(material.publicKey);
      break;
    case 'ecdsa':
      writer.utf8(`ecdsa-sha2-${material.curve}`).utf8(material.curve).string(material.point);
      break;
    case 'rsa':
      writer.utf8('ssh-rsa').mpint(material.e).mpint(material.n);
      break;
    case 'dsa':
      writer.utf8('ssh-dss');
      for (const number of [material.p, material.q, material.g, material.y]) writer.mpint(number);
      break;
    case 'sk-ed25519':
      writer.utf8('sk-ssh-ed25519@openssh.com').string(material.publicKey);
      writer.utf8(material.application);
      break;
    case 'sk-ecdsa':
      writer.utf8('sk-ecdsa-sha2-nistp256@openssh.com').utf8(material.curve);
      writer.string(material.point).utf8(material.application);
      break;
  }
  return parsePublicKey(writer.bytes());
}

/** Are these the same key? Compares whole blobs. */
export function equalPublicKeys(a: PublicKey, b: PublicKey): boolean {
  return equalBytes(a.blob, b.blob);
}

/** Length of an RSA modulus in bits; `undefined` for a key of another kind. */
export function rsaBits(key: PublicKey): number | undefined {
  return key.material.kind === 'rsa' ? modulusBits(key.material) : undefined;
}

/** Is the key long enough? Only RSA keys can be too short (RFC 8332 §4 asks for 2048 bits). */
export function hasMinimumRsaBits(key: PublicKey, minimumRsaBits = MINIMUM_RSA_BITS): boolean {
  return (rsaBits(key) ?? Infinity) >= minimumRsaBits;
}

/** A key and the comment behind it. */
export interface PublicKeyLine {
  readonly publicKey: PublicKey;
  /** Free text of whoever wrote the file: escape it before it is shown. */
  readonly comment: string;
}

/**
 * Reads the one-line form `type base64 comment` of a `.pub` file.
 *
 * Throws a `key-format` error: `malformed`, also when the type in front is not the one in the blob, or `unsupported`.
 *
 * @example
 * ```ts
 * const { publicKey, comment } = parsePublicKeyLine('ssh-ed25519 AAAAC3Nz… me@example.org');
 * ```
 */
export function parsePublicKeyLine(line: string): PublicKeyLine {
  if (line.length > MAX_LINE_LENGTH)
    throw keyFormatError('malformed', `public key line of ${String(line.length)} characters`);
  const text = line.replace(/\r?\n$/, '');
  if (/[\r\n]/.test(text)) throw keyFormatError('malformed', 'public key line: more than one line');
  const [type, afterType] = splitField(text);
  const [base64, comment] = splitField(afterType);
  if (base64 === '') throw keyFormatError('malformed', 'public key line: no key after the type');
  return { publicKey: parsePublicKeyFields(type, base64), comment: comment.trimEnd() };
}

/**
 * Reads a key from its declared type and its base64, the two fields that `.pub`, known_hosts and authorized_keys share.
 *
 * Throws a `key-format` error like `parsePublicKeyLine`.
 */
export function parsePublicKeyFields(type: string, base64: string): PublicKey {
  const blob = fromBase64(base64);
  if (blob === undefined) throw keyFormatError('malformed', 'public key: not base64');
  const actual = publicKeyType(blob);
  if (actual !== type) {
    throw keyFormatError(
      'malformed',
      `public key: declared as ${escapeText(type, 64)}, is ${escapeText(actual, 64)}`,
    );
  }
  return parsePublicKey(blob);
}

/**
 * The one-line form of a `.pub` file, without a line end.
 *
 * Throws a `config` error for a comment with control characters: it would make a second line.
 */
export function formatPublicKeyLine(key: PublicKey, comment = ''): string {
  checkComment(comment);
  return `${key.type} ${toBase64(key.blob)}${comment === '' ? '' : ` ${comment}`}`;
}

/** Throws a `config` error for a comment that does not fit on one line of text. */
export function checkComment(comment: string): void {
  if (escapeText(comment, Infinity) !== comment)
    throw new SshError('config', 'comment with control characters', { option: 'comment' });
}

function readEd25519(reader: Reader): PublicKeyMaterial {
  return { kind: 'ed25519', publicKey: readEd25519Point(reader) };
}

function readSkEd25519(reader: Reader): PublicKeyMaterial {
  return { kind: 'sk-ed25519', publicKey: readEd25519Point(reader), application: reader.utf8() };
}

function readEd25519Point(reader: Reader): Uint8Array {
  const publicKey = new Uint8Array(reader.string());
  if (publicKey.length !== ED25519_KEY_LENGTH)
    throw reader.error(`Ed25519 key of ${String(publicKey.length)} bytes`);
  // One signature fits every message under a key of small order.
  if (!isSafeEd25519Key(publicKey)) throw reader.error('Ed25519 key of small order');
  return publicKey;
}

function readEcdsa(reader: Reader, curve: CurveName): PublicKeyMaterial {
  return { kind: 'ecdsa', curve, point: readCurvePoint(reader, curve) };
}

function readSkEcdsa(reader: Reader): PublicKeyMaterial {
  const point = readCurvePoint(reader, 'nistp256');
  return { kind: 'sk-ecdsa', curve: 'nistp256', point, application: reader.utf8() };
}

function readCurvePoint(reader: Reader, curve: CurveName): Uint8Array {
  const named = reader.ascii();
  if (named !== curve) throw reader.error(`ECDSA key on ${escapeText(named, 64)}, not ${curve}`);
  const point = new Uint8Array(reader.string());
  if (!isUncompressedPoint(curve, point))
    throw reader.error(`ECDSA key that is not an uncompressed point on ${curve}`);
  return point;
}

function readDsa(reader: Reader): PublicKeyMaterial {
  const number = (name: string): bigint =>
    bytesToInteger(readMagnitude(reader, DSA_BITS / 8, `DSA ${name}`));
  const numbers = { p: number('p'), q: number('q'), g: number('g'), y: number('y') };
  if (!isSafeDsaKey(numbers)) throw reader.error('DSA key of other sizes than 1024 and 160 bits');
  return { kind: 'dsa', ...numbers };
}

function readRsa(reader: Reader): PublicKeyMaterial {
  const e = bytesToInteger(readMagnitude(reader, MAX_RSA_EXPONENT_BYTES, 'RSA exponent'));
  const n = bytesToInteger(readMagnitude(reader, MAX_RSA_BITS / 8, 'RSA modulus'));
  if (!isSafeRsaKey({ n, e })) {
    throw reader.error(
      `RSA key of ${String(modulusBits({ n, e }))} bits with exponent ${String(e)}, not odd or out of range`,
    );
  }
  return { kind: 'rsa', n, e };
}
