/** The registry of message authentication codes (RFC 4253 §6.4, RFC 6668, RFC 4418, OpenSSH PROTOCOL 1.5). */
import { writeUint32 } from '../wire/bytes.ts';
import type { CryptoProvider, HashName } from './provider.ts';
import { findRow, type Row } from './standing.ts';
import { umac } from './umac.ts';

/** The MAC of a packet in parts, under its sequence number. */
export type PacketMac = (sequenceNumber: number, ...packet: readonly Uint8Array[]) => Uint8Array;

/** A MAC algorithm, in one order with the encryption. */
export interface MacRow extends Row {
  /** Bytes of key. */
  readonly keyLength: number;
  /** Bytes of MAC behind each packet. */
  readonly tagLength: number;
  /** Is the MAC over the ciphertext, with packet_length in the clear? Else it is over the plaintext. */
  readonly encryptThenMac: boolean;
  /** Makes it under a key of `keyLength`. */
  create(provider: CryptoProvider, key: Uint8Array): PacketMac;
}

/** Every MAC, in order of preference: encrypt-then-MAC first, which opens nothing that was not verified; then what is faster. */
export const MACS: readonly MacRow[] = [
  hmacRow('hmac-sha2-256-etm@openssh.com', 'sha256', 32, true),
  hmacRow('hmac-sha2-512-etm@openssh.com', 'sha512', 64, true),
  umacRow('umac-128-etm@openssh.com', 16, true),
  umacRow('umac-64-etm@openssh.com', 8, true),
  hmacRow('hmac-sha2-256', 'sha256', 32, false),
  hmacRow('hmac-sha2-512', 'sha512', 64, false),
  umacRow('umac-128@openssh.com', 16, false),
  umacRow('umac-64@openssh.com', 8, false),
  ...legacyRows('hmac-sha1', 'sha1', 20),
  ...legacyRows('hmac-md5', 'md5', 16),
];

/** The MAC of this name; `undefined` when there is none. */
export function macByName(name: string): MacRow | undefined {
  return findRow(MACS, name);
}

/** The whole tag and its first 96 bits, each in both orders. */
function legacyRows(name: string, hash: HashName, length: number): readonly MacRow[] {
  return ['-etm@openssh.com', ''].flatMap((order) =>
    ['', '-96'].map((cut): MacRow => ({
      ...hmacRow(`${name}${cut}${order}`, hash, length, order !== '', cut === '' ? length : 12),
      standing: 'legacy',
    })),
  );
}

/** RFC 4253 §6.4: the sequence number is hashed before the packet. */
function hmacRow(
  name: string,
  hash: HashName,
  length: number,
  encryptThenMac: boolean,
  tagLength = length,
): MacRow {
  return {
    name,
    standing: 'default',
    keyLength: length,
    tagLength,
    encryptThenMac,
    create(provider, key) {
      const hmac = provider.hmac(hash, key);
      const number = new Uint8Array(4);
      return (sequenceNumber, ...packet) => {
        writeUint32(number, 0, sequenceNumber);
        const tag = hmac([number, ...packet]);
        return tagLength === length ? tag : tag.subarray(0, tagLength);
      };
    },
  };
}

/** The sequence number is the nonce. */
function umacRow(name: string, tagLength: 8 | 16, encryptThenMac: boolean): MacRow {
  return {
    name,
    standing: 'default',
    keyLength: 16,
    tagLength,
    encryptThenMac,
    create(provider, key) {
      const mac = umac(provider, key, tagLength);
      const nonce = new Uint8Array(8);
      return (sequenceNumber, ...packet) => {
        writeUint32(nonce, 4, sequenceNumber);
        return mac(nonce, packet);
      };
    },
  };
}
