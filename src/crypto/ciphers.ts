/** The registry of ciphers (RFC 4253 §6.3, RFC 4344, RFC 5647, OpenSSH PROTOCOL 1.6). */
import { SshError } from '../errors.ts';
import { SMALL_BLOCK, smallCbc, smallCtr, type Way } from './block-modes.ts';
import { blowfish } from './blowfish.ts';
import { chachaOpener, chachaSealer } from './chacha20-poly1305.ts';
import { type CipherAndMac, macOpener, macSealer } from './cipher-and-mac.ts';
import { GcmOpener, GcmSealer } from './gcm.ts';
import type { MacRow } from './macs.ts';
import type { CryptoProvider, StreamCipher } from './provider.ts';
import { findRow, type Row, type Standing } from './standing.ts';
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

/** What rows of ciphers that need a MAC differ in. */
interface StreamShape extends Pick<CipherAndMac, 'blockSize' | 'isChained'> {
  readonly standing: Standing;
}

const AES_BLOCK = 16;
const LEGACY_CBC: StreamShape = { standing: 'legacy', blockSize: SMALL_BLOCK, isChained: true };

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
  aesCbcRow('aes256-cbc', 32),
  aesCbcRow('aes192-cbc', 24),
  aesCbcRow('aes128-cbc', 16),
  // what it was called before it was chosen to be AES
  aesCbcRow('rijndael-cbc@lysator.liu.se', 32),
  streamRow('3des-cbc', LEGACY_CBC, 24, (provider, { key, iv }, way) =>
    provider.tripleDesCbc(key, iv, way),
  ),
  streamRow('blowfish-ctr', { ...LEGACY_CBC, isChained: false }, 32, (_, { key, iv }) =>
    smallCtr(blowfish(key), iv),
  ),
  streamRow('blowfish-cbc', LEGACY_CBC, 16, (_, { key, iv }, way) =>
    smallCbc(blowfish(key), iv, way),
  ),
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
    name,
    standing: 'default',
    keyLength,
    ivLength,
    blockSize,
    isAead: true,
    createSealer: (provider, keys) => sealer(provider, checkedKeys(row, keys)),
    createOpener: (provider, keys) => opener(provider, checkedKeys(row, keys)),
  };
  return row;
}

function ctrRow(name: string, keyLength: number): CipherRow {
  const shape: StreamShape = { standing: 'default', blockSize: AES_BLOCK, isChained: false };
  return streamRow(name, shape, keyLength, (provider, { key, iv }) => provider.aesCtr(key, iv));
}

function aesCbcRow(name: string, keyLength: number): CipherRow {
  return streamRow(
    name,
    { ...LEGACY_CBC, blockSize: AES_BLOCK },
    keyLength,
    (provider, keys, way) => provider.aesCbc(keys.key, keys.iv, way),
  );
}

/** A cipher that needs a MAC; its initial vector is as long as its block. */
function streamRow(
  name: string,
  { standing, blockSize, isChained }: StreamShape,
  keyLength: number,
  create: (provider: CryptoProvider, keys: DirectionKeys, way: Way) => StreamCipher,
): CipherRow {
  const parts = (
    way: Way,
    provider: CryptoProvider,
    keys: DirectionKeys,
    mac: MacRow | undefined,
  ): CipherAndMac => {
    const { macKey } = checkedKeys(row, keys, mac);
    const stream = create(provider, keys, way);
    return { provider, stream, blockSize, isChained, mac: checkedMac(row, mac), macKey };
  };
  const row: CipherRow = {
    name,
    standing,
    keyLength,
    ivLength: blockSize,
    blockSize,
    isAead: false,
    createSealer: (provider, keys, mac) => macSealer(parts('encrypt', provider, keys, mac)),
    createOpener: (provider, keys, mac) => macOpener(parts('decrypt', provider, keys, mac)),
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
