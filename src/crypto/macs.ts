/** The registry of message authentication codes (RFC 4253 §6.4, RFC 6668, OpenSSH PROTOCOL 1.5). */
import type { HashName } from './provider.ts';
import { findRow, type Row } from './standing.ts';

/** A MAC algorithm: HMAC with one hash, in one order with the encryption. */
export interface MacRow extends Row {
  readonly hash: HashName;
  /** Bytes of key. */
  readonly keyLength: number;
  /** Bytes of MAC behind each packet. */
  readonly tagLength: number;
  /** Is the MAC over the ciphertext, with packet_length in the clear? Else it is over the plaintext. */
  readonly encryptThenMac: boolean;
}

/** Every MAC, in order of preference: encrypt-then-MAC first, which opens nothing that was not verified. */
export const MACS: readonly MacRow[] = [
  hmacRow('hmac-sha2-256-etm@openssh.com', 'sha256', 32, true),
  hmacRow('hmac-sha2-512-etm@openssh.com', 'sha512', 64, true),
  hmacRow('hmac-sha2-256', 'sha256', 32, false),
  hmacRow('hmac-sha2-512', 'sha512', 64, false),
];

/** The MAC of this name; `undefined` when there is none. */
export function macByName(name: string): MacRow | undefined {
  return findRow(MACS, name);
}

function hmacRow(name: string, hash: HashName, length: number, encryptThenMac: boolean): MacRow {
  const standing = 'default';
  return { name, standing, hash, keyLength: length, tagLength: length, encryptThenMac };
}
