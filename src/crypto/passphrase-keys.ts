/**
 * Keys from passphrases, as PKCS#5 has them. They are no rows of a provider: only who reads key files needs them, and everybody
 * has them by the same two ways, Web Crypto where it can and @noble/hashes where not. Neither keeps others waiting.
 */
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { NOBLE_HASHES } from './noble-symmetric.ts';
import type { SignatureHash } from './provider.ts';
import { subtleCrypto, WEB_HASHES } from './web-crypto.ts';

/** What a key is derived from. */
export interface PassphraseKey {
  readonly passphrase: Uint8Array;
  readonly salt: Uint8Array;
  /** Bytes of key. */
  readonly length: number;
}

/** RFC 8018 §5.2. */
export interface Pbkdf2Options extends PassphraseKey {
  readonly hash: SignatureHash;
  readonly iterations: number;
}

/** RFC 7914 §2: N, r and p. */
export interface ScryptOptions extends PassphraseKey {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

/** Most iterations that are worked through for the file of a stranger: a second or two. */
export const MAX_PBKDF2_ITERATIONS = 4_000_000;
/** Most bytes that scrypt works through. */
export const MAX_SCRYPT_BYTES = 256 * 1024 * 1024;

/** PBKDF2 with an HMAC (RFC 8018 §5.2). */
export async function pbkdf2(options: Pbkdf2Options): Promise<Uint8Array> {
  const { hash, passphrase, salt, iterations, length } = options;
  const subtle = subtleCrypto();
  if (subtle === undefined)
    return pbkdf2Async(NOBLE_HASHES[hash], passphrase, salt, { c: iterations, dkLen: length });
  const raw = new Uint8Array(passphrase);
  const key = await subtle.importKey('raw', raw, 'PBKDF2', false, ['deriveBits']);
  const algorithm = { name: 'PBKDF2', hash: WEB_HASHES[hash], salt, iterations };
  return new Uint8Array(await subtle.deriveBits(algorithm, key, length * 8));
}

/** scrypt (RFC 7914). */
export function scrypt(options: ScryptOptions): Promise<Uint8Array> {
  const { passphrase, salt, cost, blockSize, parallelization, length } = options;
  const size = { N: cost, r: blockSize, p: parallelization, dkLen: length };
  return scryptAsync(passphrase, salt, { ...size, maxmem: 2 * MAX_SCRYPT_BYTES });
}
