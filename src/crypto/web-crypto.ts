/** The platform's Web Crypto, which Node and browsers have alike. */
import type { SignatureHash } from './provider.ts';

/** By the names of Web Crypto. */
export const WEB_HASHES: Readonly<Record<SignatureHash, string>> = {
  sha1: 'SHA-1',
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
};

/** What it computes with; `undefined` in pages that were not loaded over https. */
export function subtleCrypto(): typeof globalThis.crypto.subtle | undefined {
  return (globalThis.crypto as { subtle?: typeof globalThis.crypto.subtle }).subtle;
}
