/** The costly step of bcrypt_pbkdf; what is built of it stands in the keys floor (src/keys/bcrypt-pbkdf.ts). */
import { hash } from 'bcrypt-pbkdf';

/** Length of what one step gives, in bytes. */
export const BCRYPT_HASH_LENGTH = 32;

/**
 * One bcrypt hash of two SHA-512 digests, with Blowfish at cost 6: some milliseconds of work.
 *
 * @param password - 64 bytes
 * @param salt - 64 bytes
 */
export function bcryptHash(password: Uint8Array, salt: Uint8Array): Uint8Array {
  const output = new Uint8Array(BCRYPT_HASH_LENGTH);
  hash(password, salt, output);
  return output;
}
