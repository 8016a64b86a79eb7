/** The registry of ciphers (RFC 4253 §6.3, RFC 4344, RFC 5647, OpenSSH PROTOCOL 1.6). */
import { SshError } from '../errors.ts';
import { chachaOpener, chachaSealer } from './chacha20-poly1305.ts';
import { ctrOpener, ctrSealer } from './ctr.ts';
import { GcmOpener, GcmSealer } from './gcm.ts';
import type { MacRow } from './macs.ts';
import type { CryptoProvider } from './provider.ts';
import { findRow, type Row } from './standing.ts';
import type { DirectionKeys, Opener, Sealer } from './suite.ts';

/** A cipher, from which the protection of one direction is made. */
export interface CipherRow extends Row {
  /** Bytes of key. */
  readonly keyLength: number;
  /** Bytes of initial vector. */
  readonly ivLength: number;
  /** What packets align to in bytes, 8 at least. */
  readonly blockSize: number;
  /** Does it bring its own tag? The negotiated MAC is then not used (OpenSSH PROTOCOL 1.6). */
  readonly isAead: boolean;
  /** Throws a `config` error when keys or MAC do not fit: better no connection than an unprotected one. */
  createSealer(provider: CryptoProvider, keys: DirectionKeys, mac?: MacRow): Sealer;
  /** Throws a `config` error when keys or MAC do not fit. */
  createOpener(provider: CryptoProvider, keys: DirectionKeys, mac?: MacRow): Opener;
}

/**
 * Every cipher, in order of preference. AES-GCM is the fastest by far where the processor has AES, and needs neither a MAC nor
 * strict key exchange to be safe (Terrapin, CVE-2023-48795, needs a sequence number); the longer key costs 4 % in bulk. ChaCha20
 * is the slowest one, as Poly1305 is not in OpenSSL's interface to Node.
 */
export const CIPHERS: readonly CipherRow[] = [
  gcmRow('aes256-gcm@openssh.com', 32),
  gcmRow('aes128-gcm@openssh.com', 16),
  ctrRow('aes256-ctr', 32),
  ctrRow('aes192-ctr', 24),
  ctrRow('aes128-ctr', 16),
  aeadRow('chacha20-poly1305@openssh.com', 64, 0, 8, chachaSealer, chachaOpener),
];

/** The cipher of this name; `undefined` when there is none. */
export function cipherByName(name: string): CipherRow | undefined {
  return findRow(CIPHERS, name);
}

function gcmRow(name: string, keyLength: number): CipherRow {
  return aeadRow(
    ...([name, keyLength, 12, 16] as const),
    (provider, keys) => new GcmSealer(provider, keys),
    (provider, keys) => new GcmOpener(provider, keys),
  );
}

function aeadRow(
  name: string,
  keyLength: number,
  ivLength: number,
  blockSize: number,
  sealer: (provider: CryptoProvider, keys: DirectionKeys) => Sealer,
  opener: (provider: CryptoProvider, keys: DirectionKeys) => Opener,
): CipherRow {
  const row: CipherRow = {
    ...{ name, standing: 'default', keyLength, ivLength, blockSize, isAead: true },
    createSealer: (provider, keys) => sealer(provider, checkedKeys(row, keys)),
    createOpener: (provider, keys) => opener(provider, checkedKeys(row, keys)),
  };
  return row;
}

function ctrRow(name: string, keyLength: number): CipherRow {
  const row: CipherRow = {
    ...{ name, standing: 'default', keyLength, ivLength: 16, blockSize: 16, isAead: false },
    createSealer: (provider, keys, mac) =>
      ctrSealer(provider, checkedKeys(row, keys, mac), checkedMac(row, mac)),
    createOpener: (provider, keys, mac) =>
      ctrOpener(provider, checkedKeys(row, keys, mac), checkedMac(row, mac)),
  };
  return row;
}

function checkedKeys(row: CipherRow, keys: DirectionKeys, mac?: MacRow): DirectionKeys {
  const fits =
    keys.key.length === row.keyLength &&
    keys.iv.length === row.ivLength &&
    (mac === undefined || keys.macKey.length === mac.keyLength);
  if (!fits) throw new SshError('config', `${row.name} got keys of the wrong length`, {});
  return keys;
}

function checkedMac(row: CipherRow, mac: MacRow | undefined): MacRow {
  if (mac === undefined) throw new SshError('config', `${row.name} needs a MAC`, {});
  return mac;
}
