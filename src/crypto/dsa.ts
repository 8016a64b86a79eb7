/**
 * DSA with SHA-1 over 1024 and 160 bits (FIPS 186-2, RFC 4253 §6.6), which is all that SSH has of it. Weak, and by name only: BigInt,
 * whose time depends on its operands, is good enough for it.
 */
import { bitLength, bytesToInteger, integerToBytes, power } from './integers.ts';
import type { CryptoProvider, DsaPrivateNumbers, DsaPublicNumbers } from './provider.ts';

/** Sizes of p and q in bits. */
export const DSA_BITS = 1024;
const DSA_ORDER_BITS = 160;
/** Bytes of r, and of s. */
const PART = DSA_ORDER_BITS / 8;
/** Bytes of r and s. */
export const DSA_SIGNATURE_LENGTH = 2 * PART;
/** Random bits more than q has: what is left of them modulo q is even (FIPS 186-4 §B.2.1). */
const EXTRA = 8;

type Source = Pick<CryptoProvider, 'hash' | 'randomBytes'>;

/** Are the numbers of the right sizes, and do they belong together? */
export function isSafeDsaKey({ p, q, g, y }: DsaPublicNumbers): boolean {
  const isSized = p > 0n && q > 0n && bitLength(p) === DSA_BITS && bitLength(q) === DSA_ORDER_BITS;
  if (!isSized || (p - 1n) % q !== 0n) return false;
  return [g, y].every((each) => each > 1n && each < p - 1n && power(each, q, p) === 1n);
}

/** The public number of a private one. */
export function dsaPublic({ p, g, x }: Omit<DsaPrivateNumbers, 'y'>): bigint {
  return power(g, x, p);
}

/** r and s, each of 20 bytes, one after the other. */
export function dsaSign(key: DsaPrivateNumbers, data: Uint8Array, source: Source): Uint8Array {
  const { p, q, g, x } = key;
  const digest = bytesToInteger(source.hash('sha1', [data]));
  for (;;) {
    const k = (bytesToInteger(source.randomBytes(PART + EXTRA)) % (q - 1n)) + 1n;
    const r = power(g, k, p) % q;
    const s = (power(k, q - 2n, q) * (digest + x * r)) % q;
    if (r === 0n || s === 0n) continue;
    const signature = new Uint8Array(DSA_SIGNATURE_LENGTH);
    signature.set(integerToBytes(r, PART));
    signature.set(integerToBytes(s, PART), PART);
    return signature;
  }
}

/** Is it the key's signature of the data? */
export function dsaVerify(
  { p, q, g, y }: DsaPublicNumbers,
  data: Uint8Array,
  signature: Uint8Array,
  source: Pick<Source, 'hash'>,
): boolean {
  if (signature.length !== DSA_SIGNATURE_LENGTH) return false;
  const r = bytesToInteger(signature.subarray(0, PART));
  const s = bytesToInteger(signature.subarray(PART));
  if (r <= 0n || r >= q || s <= 0n || s >= q) return false;
  const w = power(s, q - 2n, q);
  const digest = bytesToInteger(source.hash('sha1', [data]));
  const v = (power(g, (digest * w) % q, p) * power(y, (r * w) % q, p)) % p;
  return v % q === r;
}
