/** Fingerprints: how people compare keys. */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../crypto/provider.ts';
import { toBase64, toHex } from '../wire/bytes.ts';
import type { PublicKey } from './public-key.ts';

/**
 * The fingerprint of a key as OpenSSH prints it: `SHA256:` and the digest of the blob in base64 without padding.
 *
 * @param key - a key, or its blob
 */
export function fingerprint(
  key: PublicKey | Uint8Array,
  provider: CryptoProvider = defaultProvider,
): string {
  const blob = key instanceof Uint8Array ? key : key.blob;
  return `SHA256:${toBase64(provider.hash('sha256', [blob])).replace(/=+$/, '')}`;
}

/**
 * The fingerprint of a key as older software prints it: `MD5:` and the digest in pairs of digits (RFC 4716 §4). For comparing with
 * what somebody has written down; it proves nothing against whoever can make keys on purpose.
 */
export function md5Fingerprint(
  key: PublicKey | Uint8Array,
  provider: CryptoProvider = defaultProvider,
): string {
  const blob = key instanceof Uint8Array ? key : key.blob;
  return `MD5:${toHex(provider.hash('md5', [blob])).replace(/..(?=.)/g, '$&:')}`;
}
