/**
 * Public keys: the blobs of RFC 4253 §6.6 (ssh-rsa), RFC 5656 §3.1 (ecdsa-sha2-*) and RFC 8709 §4 (ssh-ed25519), and the
 * one-line form of `.pub` files. A key is checked once, when it is read: what has a `PublicKey` needs no second look at its
 * sizes. Certificates and hardware-bound keys are not read here.
 */
import type { CurveName } from '../crypto/provider.ts';
import { escapeText, SshError } from '../errors.ts';
import { equalBytes, fromBase64, toBase64 } from '../wire/bytes.ts';
import type { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import {
  bytesToBigint,
  keyFormatError,
  readKeyData,
  readMagnitude,
  splitField,
} from './key-format.ts';

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
  | { readonly kind: 'rsa'; readonly n: bigint; readonly e: bigint };

/** A public key that was read and checked. */
export interface PublicKey {
  /** The name at the start of the blob: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
  readonly type: string;
  /** The key as it stands on the wire; its bytes are the key's identity. */
  readonly blob: Uint8Array;
  readonly material: PublicKeyMaterial;
}

/** Length in bytes of a coordinate on each curve. */
export const COORDINATE_LENGTH: Readonly<Record<CurveName, number>> = {
  nistp256: 32,
  nistp384: 48,
  nistp521: 66,
};

/** RSA moduli below this are refused by policy unless the caller says otherwise. */
export const MINIMUM_RSA_BITS = 2048;

/** RSA moduli that can be read at all: 16384 bits bound what one verification may cost. */
const RSA_BITS = { least: 1024, most: 16384 } as const;
const MAX_RSA_EXPONENT = 1n << 32n;
/** A line of a `.pub` file: the longest key takes 3 KiB of base64, and comments are short. */
const MAX_LINE_LENGTH = 65536;

const READERS: ReadonlyMap<string, (reader: Reader) => PublicKeyMaterial> = new Map([
  ['ssh-ed25519', readEd25519],
  ['ecdsa-sha2-nistp256', (reader: Reader) => readEcdsa(reader, 'nistp256')],
  ['ecdsa-sha2-nistp384', (reader: Reader) => readEcdsa(reader, 'nistp384')],
  ['ecdsa-sha2-nistp521', (reader: Reader) => readEcdsa(reader, 'nistp521')],
  ['ssh-rsa', readRsa],
]);

/**
 * y-coordinates of Ed25519 points of small order (RFC 7748 §7 asks for the same care with X25519): under such a key one
 * signature fits every message. The sign bit is left out of the comparison.
 */
const SMALL_ORDER_Y: readonly (readonly number[])[] = [
  [0, ...Array<number>(31).fill(0)],
  [1, ...Array<number>(31).fill(0)],
  [0xec, ...Array<number>(30).fill(0xff), 0x7f],
  // prettier-ignore
  [0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
   0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05],
  // prettier-ignore
  [0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
   0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a],
];

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
  }
  return parsePublicKey(writer.bytes());
}

/** Are these the same key? Compares whole blobs. */
export function equalPublicKeys(a: PublicKey, b: PublicKey): boolean {
  return equalBytes(a.blob, b.blob);
}

/** Length of an RSA modulus in bits; `undefined` for a key of another kind. */
export function rsaBits(key: PublicKey): number | undefined {
  return key.material.kind === 'rsa' ? key.material.n.toString(2).length : undefined;
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
  const publicKey = parsePublicKey(blob);
  if (publicKey.type !== type) {
    throw keyFormatError(
      'malformed',
      `public key: declared as ${escapeText(type, 64)}, is ${publicKey.type}`,
    );
  }
  return publicKey;
}

/**
 * The one-line form of a `.pub` file, without a line end.
 *
 * Throws a `config` error for a comment with control characters: it would make a second line.
 */
export function formatPublicKeyLine(key: PublicKey, comment = ''): string {
  if (escapeText(comment, Infinity) !== comment)
    throw new SshError('config', 'comment with control characters', { option: 'comment' });
  return `${key.type} ${toBase64(key.blob)}${comment === '' ? '' : ` ${comment}`}`;
}

function readEd25519(reader: Reader): PublicKeyMaterial {
  const publicKey = new Uint8Array(reader.string());
  if (publicKey.length !== 32)
    throw reader.error(`Ed25519 key of ${String(publicKey.length)} bytes, not 32`);
  if (hasSmallOrder(publicKey)) throw reader.error('Ed25519 key of small order');
  return { kind: 'ed25519', publicKey };
}

function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = Array.from(publicKey);
  y[31] = (y[31] ?? 0) & 0x7f;
  // p = 2^255 - 19 and above: another spelling of a smaller number, among them 0 and 1.
  const overlong = (y[0] ?? 0) >= 0xed && y[31] === 0x7f && y.slice(1, 31).every((b) => b === 0xff);
  return overlong || SMALL_ORDER_Y.some((small) => small.every((byte, i) => byte === y[i]));
}

function readEcdsa(reader: Reader, curve: CurveName): PublicKeyMaterial {
  const named = reader.ascii();
  if (named !== curve) throw reader.error(`ECDSA key on ${escapeText(named, 64)}, not ${curve}`);
  const point = new Uint8Array(reader.string());
  if (point.length !== 1 + 2 * COORDINATE_LENGTH[curve] || point[0] !== 4)
    throw reader.error(`ECDSA key that is not an uncompressed point on ${curve}`);
  return { kind: 'ecdsa', curve, point };
}

function readRsa(reader: Reader): PublicKeyMaterial {
  const e = bytesToBigint(readMagnitude(reader, 5, 'RSA exponent'));
  if (e < 3n || e > MAX_RSA_EXPONENT || e % 2n === 0n)
    throw reader.error('RSA exponent that is not odd or not in 3..2^32');
  const n = bytesToBigint(readMagnitude(reader, RSA_BITS.most / 8, 'RSA modulus'));
  const bits = n.toString(2).length;
  if (bits < RSA_BITS.least) throw reader.error(`RSA modulus of ${String(bits)} bits`);
  if (n % 2n === 0n) throw reader.error('RSA modulus that is even');
  return { kind: 'rsa', n, e };
}
