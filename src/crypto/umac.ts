/**
 * UMAC (RFC 4418) with tags of 8 or 16 bytes, as OpenSSH uses it for packets: AES-128, and a nonce of 8 bytes, the sequence
 * number. A universal hash in three layers, of which the first does nearly all of the work, is enciphered with the nonce.
 */
import { concatBytes } from '../wire/bytes.ts';
import type { CryptoProvider } from './provider.ts';

/** The MAC of parts, one after the other, under a nonce of 8 bytes that comes only once. */
export type Umac = (nonce: Uint8Array, parts: readonly Uint8Array[]) => Uint8Array;

const BLOCK = 16;
/** Bytes of message that the first layer turns into 8, and bytes that it takes at a time. */
const L1_BLOCK = 1024;
const NH_GROUP = 32;
const P36 = 2n ** 36n - 5n;
const P64 = 2n ** 64n - 59n;
const MASK64 = 2n ** 64n - 1n;
const POLY_KEY_MASK = 0x01ffffff01ffffffn;
/** Words from here on are written in two (RFC 4418 §5.3.1). */
const MAX_WORD = 2n ** 64n - 2n ** 32n;

/** Keys of one of the hashes that make up a tag, 4 bytes each (RFC 4418 §5.1). */
interface HashKeys {
  readonly l1: Int32Array;
  readonly l2: bigint;
  readonly l3: readonly bigint[];
  readonly l3Mask: number;
}

/** Makes the MAC under a key of 16 bytes. Messages must be shorter than 16 MiB: packets are. */
export function umac(provider: CryptoProvider, key: Uint8Array, tagLength: 8 | 16): Umac {
  const hashes = hashKeys(provider, key, tagLength / 4);
  const pad = padder(provider, derive(provider, key, 0, BLOCK), tagLength);
  return (nonce, parts) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const padding = new Uint8Array(length === 0 ? NH_GROUP : -length & (NH_GROUP - 1));
    const message = viewOf(concatBytes([...parts, padding]));
    const tag = pad(nonce);
    const view = viewOf(tag);
    hashes.forEach((keys, at) => {
      view.setUint32(4 * at, view.getUint32(4 * at) ^ uhash(keys, message, length));
    });
    return tag;
  };
}

/** RFC 4418 §5.1. */
function uhash(keys: HashKeys, message: DataView, length: number): number {
  if (length <= L1_BLOCK) return thirdLayer(keys, nh(keys.l1, message, 0, length));
  let y = 1n;
  for (let at = 0; at < length; at += L1_BLOCK) {
    const word = nh(keys.l1, message, at, Math.min(L1_BLOCK, length - at));
    if (word < MAX_WORD) y = (keys.l2 * y + word) % P64;
    else y = (keys.l2 * ((keys.l2 * y + P64 - 1n) % P64) + word - 59n) % P64;
  }
  return thirdLayer(keys, y);
}

/** The first layer on up to 1024 bytes (RFC 4418 §5.2): products of 64 bits, of which the halves are summed as exact doubles. */
function nh(key: Int32Array, message: DataView, from: number, length: number): bigint {
  const end = Math.max(length, 1);
  let high = 0;
  let low = 8 * length;
  for (let at = 0; at < end; at += NH_GROUP) {
    let upper = 0;
    let lower = 0;
    for (let i = at; i < at + NH_GROUP / 2; i += 4) {
      const a = message.getInt32(from + i, true) + (key[i >> 2] ?? 0);
      const b = message.getInt32(from + i + 16, true) + (key[(i >> 2) + 4] ?? 0);
      upper += (a >>> 0) * ((b >>> 16) & 0xffff);
      lower += (a >>> 0) * (b & 0xffff);
    }
    const carried = Math.floor(upper * 2 ** -16);
    const lowerCarried = Math.floor(lower * 2 ** -32);
    high += carried + lowerCarried;
    low += (upper - carried * 2 ** 16) * 2 ** 16 + (lower - lowerCarried * 2 ** 32);
  }
  return ((BigInt(high) << 32n) + BigInt(low)) & MASK64;
}

/** RFC 4418 §5.4: 16 bytes to 4; the upper eight are zero here, as nothing is longer than 16 MiB. */
function thirdLayer({ l3, l3Mask }: HashKeys, value: bigint): number {
  let y = 0n;
  for (let i = 0n; i < 4n; i++) y += ((value >> (48n - 16n * i)) & 0xffffn) * (l3[Number(i)] ?? 0n);
  return Number((y % P36) & 0xffffffffn) ^ l3Mask;
}

function hashKeys(provider: CryptoProvider, key: Uint8Array, count: number): readonly HashKeys[] {
  const l1 = viewOf(derive(provider, key, 1, L1_BLOCK + (count - 1) * 16));
  const l2 = viewOf(derive(provider, key, 2, count * 24));
  const l3 = viewOf(derive(provider, key, 3, count * 64));
  const l3Masks = viewOf(derive(provider, key, 4, count * 4));
  return Array.from({ length: count }, (_, i) => ({
    l1: Int32Array.from({ length: L1_BLOCK / 4 }, (_word, at) => l1.getInt32(16 * i + 4 * at)),
    l2: l2.getBigUint64(24 * i) & POLY_KEY_MASK,
    // the first four belong to the upper half
    l3: [4, 5, 6, 7].map((at) => l3.getBigUint64(64 * i + 8 * at) % P36),
    l3Mask: l3Masks.getUint32(4 * i),
  }));
}

/** RFC 4418 §3.2.1: AES in counter mode, over an index and a counter that begins at 1. */
function derive(
  provider: CryptoProvider,
  key: Uint8Array,
  index: number,
  length: number,
): Uint8Array {
  const counter = new Uint8Array(BLOCK);
  counter[7] = index;
  counter[15] = 1;
  return provider.aesCtr(key, counter)(new Uint8Array(length));
}

/** RFC 4418 §3.3: two tags of 8 bytes come from one block. */
function padder(
  provider: CryptoProvider,
  key: Uint8Array,
  tagLength: 8 | 16,
): (nonce: Uint8Array) => Uint8Array {
  // chaining is undone by hand, so that one cipher serves for all blocks
  const encrypt = provider.aesCbc(key, new Uint8Array(BLOCK), 'encrypt');
  let last: Uint8Array = new Uint8Array(BLOCK);
  return (nonce) => {
    const half = tagLength === 8 ? (nonce[7] ?? 0) & 1 : 0;
    const block = last.slice();
    for (let at = 0; at < nonce.length; at++) block[at] = (block[at] ?? 0) ^ (nonce[at] ?? 0);
    block[7] = (block[7] ?? 0) ^ half;
    last = encrypt(block);
    return last.slice(8 * half, 8 * half + tagLength);
  };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
