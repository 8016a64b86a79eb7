/** Checks that both providers make, in the same words, so that a peer cannot tell which of them it talks to. */
import { protocolError, SshError } from '../errors.ts';
import type { CurveName } from './provider.ts';

/** SSH_DISCONNECT_KEY_EXCHANGE_FAILED (RFC 4253 §11.1). */
const KEY_EXCHANGE_FAILED = 3;

/** Length of an X25519 key and of a shared secret in bytes (RFC 7748 §5). */
export const X25519_LENGTH = 32;
/** Lengths of ML-KEM-768 in bytes (FIPS 203 §8, table 3). */
export const MLKEM768_PUBLIC_KEY_LENGTH = 1184;
export const MLKEM768_CIPHERTEXT_LENGTH = 1088;
/** Lengths of Streamlined NTRU Prime 761 in bytes (RFC 9941 §3). */
export const SNTRUP761_PUBLIC_KEY_LENGTH = 1158;
export const SNTRUP761_CIPHERTEXT_LENGTH = 1039;

/** Length in bytes of a coordinate, a private key, and of r and s each (FIPS 186-5, SP 800-186). */
export const CURVE_LENGTHS: Readonly<Record<CurveName, number>> = {
  nistp256: 32,
  nistp384: 48,
  nistp521: 66,
};

/** The `protocol` error of a key exchange that cannot be finished. */
export function keyExchangeFailed(message: string, cause?: unknown): SshError<'protocol'> {
  return protocolError(message, KEY_EXCHANGE_FAILED, cause);
}

/** Throws unless a public value of the peer has its exact length (RFC 8731 §3, draft-ietf-sshm-mlkem-hybrid-kex §2). */
export function checkLength(what: string, value: Uint8Array, length: number): void {
  if (value.length === length) return;
  throw keyExchangeFailed(`${what} has ${value.length} bytes instead of ${length}`);
}

/** Throws for the all-zero secret of a low-order point (RFC 7748 §6.1, RFC 8731 §3). */
export function checkSecret(secret: Uint8Array): Uint8Array {
  let any = 0;
  for (const byte of secret) any |= byte;
  if (any === 0) throw lowOrderPoint();
  return secret;
}

/** The error of an X25519 public value of low order. */
export function lowOrderPoint(cause?: unknown): SshError<'protocol'> {
  return keyExchangeFailed('X25519 public value is of low order', cause);
}

/** Is this an uncompressed point in the curve's exact length (SEC 1 §2.3.3)? Whether it is on the curve is not checked. */
export function isUncompressedPoint(curve: CurveName, point: Uint8Array): boolean {
  return point[0] === 0x04 && point.length === 1 + 2 * CURVE_LENGTHS[curve];
}

/** Throws unless a public value of the peer is an uncompressed point in the curve's exact length (RFC 5656 §4). */
export function checkUncompressedPoint(curve: CurveName, point: Uint8Array): void {
  if (!isUncompressedPoint(curve, point)) throw notOnCurve(curve);
}

/** The error of a public value that is no point of its curve. */
export function notOnCurve(curve: CurveName, cause?: unknown): SshError<'protocol'> {
  return keyExchangeFailed(`${curve} public value is no uncompressed point of the curve`, cause);
}

/** The error of a private key that is no scalar of its curve. */
export function brokenPrivateKey(what: string, cause?: unknown): SshError<'key-format'> {
  return new SshError(
    'key-format',
    `${what} private key is malformed`,
    { reason: 'malformed' },
    { cause },
  );
}
