/**
 * What both providers need of RSASSA-PKCS1-v1_5 (RFC 8017 §8.2, RFC 8332): which keys are accepted, the form of a signature,
 * verification over BigInt, and keys as JWK (RFC 7518 §6.3).
 */
import { SshError } from '../errors.ts';
import { concatBytes, equalBytes, fromHex, toBase64 } from '../wire/bytes.ts';
import { bitLength, byteLength, bytesToInteger, integerToBytes, power } from './integers.ts';
import type { RsaPrivateNumbers, RsaPublicNumbers, SignatureHash } from './provider.ts';

/** Shortest modulus that is accepted at all, in bits; policy may ask for more. */
export const MIN_RSA_BITS = 1024;
/** Longest modulus that is accepted, in bits: bounds the time that one verification can take. */
export const MAX_RSA_BITS = 16384;
/** Public exponents stay below this: bounds the time that one verification can take. */
const EXPONENT_LIMIT = 2n ** 32n;

/** DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1). */
const DIGEST_INFO: Readonly<Record<SignatureHash, Uint8Array>> = {
  sha1: fromHex('3021300906052b0e03021a05000414'),
  sha256: fromHex('3031300d060960864801650304020105000420'),
  sha384: fromHex('3041300d060960864801650304020205000430'),
  sha512: fromHex('3051300d060960864801650304020305000440'),
};

/** Are modulus and exponent in the range that is accepted? */
export function isSafeRsaKey({ n, e }: RsaPublicNumbers): boolean {
  if (n <= 0n || (n & 1n) === 0n || (e & 1n) === 0n || e < 3n || e >= EXPONENT_LIMIT) return false;
  const bits = bitLength(n);
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
}

/** Length of the modulus in bits. */
export function rsaBits({ n }: RsaPublicNumbers): number {
  return bitLength(n);
}

/**
 * The signature in the length of the modulus: peers may trim leading zeros, which verifiers do not take. `undefined` when it is
 * longer than the modulus.
 */
export function paddedSignature(
  { n }: RsaPublicNumbers,
  signature: Uint8Array,
): Uint8Array | undefined {
  const length = byteLength(n);
  if (signature.length > length) return undefined;
  if (signature.length === length) return signature;
  const padded = new Uint8Array(length);
  padded.set(signature, length - signature.length);
  return padded;
}

/** Does the signature encode this digest? Everything here is public, so BigInt's timing gives nothing away. */
export function verifyDigest(
  key: RsaPublicNumbers,
  hash: SignatureHash,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!isSafeRsaKey(key)) return false;
  const padded = paddedSignature(key, signature);
  if (padded === undefined) return false;
  const s = bytesToInteger(padded);
  if (s >= key.n) return false;
  const length = padded.length;
  return equalBytes(
    integerToBytes(power(s, key.e, key.n), length),
    encodedDigest(hash, digest, length),
  );
}

/** An RSA public key as JWK. */
export function rsaPublicJwk({ n, e }: RsaPublicNumbers): { kty: 'RSA'; n: string; e: string } {
  return { kty: 'RSA', n: base64Url(n), e: base64Url(e) };
}

/** An RSA private key as JWK; the CRT exponents are computed. */
export function rsaPrivateJwk(
  key: RsaPrivateNumbers,
): Record<'kty' | 'n' | 'e' | 'd' | 'p' | 'q' | 'dp' | 'dq' | 'qi', string> {
  const { d, p, q, iqmp } = key;
  if (!isSafeRsaKey(key) || d <= 0n || p <= 1n || q <= 1n || iqmp <= 0n || p * q !== key.n) {
    throw brokenRsaKey();
  }
  return {
    ...rsaPublicJwk(key),
    d: base64Url(d),
    p: base64Url(p),
    q: base64Url(q),
    dp: base64Url(d % (p - 1n)),
    dq: base64Url(d % (q - 1n)),
    qi: base64Url(iqmp),
  };
}

/** The error of an RSA private key that is out of range, or whose signature does not verify. */
export function brokenRsaKey(cause?: unknown): SshError<'key-format'> {
  return new SshError(
    'key-format',
    'RSA private key is not usable',
    { reason: 'malformed' },
    { cause },
  );
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2). The shortest modulus is far longer than any DigestInfo. */
function encodedDigest(hash: SignatureHash, digest: Uint8Array, length: number): Uint8Array {
  const info = concatBytes([DIGEST_INFO[hash], digest]);
  const encoded = new Uint8Array(length).fill(0xff);
  encoded.set([0, 1]);
  encoded[length - info.length - 1] = 0;
  encoded.set(info, length - info.length);
  return encoded;
}

function base64Url(value: bigint): string {
  const text = toBase64(integerToBytes(value, byteLength(value)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
