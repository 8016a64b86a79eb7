/** CBC (RFC 4253 §6.3) and counter mode (RFC 4344 §4) over a block cipher of 8 bytes: for ciphers that no library brings along with a mode. */
import { readUint32, writeUint32 } from '../wire/bytes.ts';
import type { StreamCipher } from './provider.ts';

/** Bytes of a block. */
export const SMALL_BLOCK = 8;

/** The halves of a block, as unsigned 32-bit integers. */
export type Halves = readonly [left: number, right: number];

/** A block cipher of 64 bits under one key. */
export interface SmallBlockCipher {
  encrypt(left: number, right: number): Halves;
  decrypt(left: number, right: number): Halves;
}

/** Which way a mode goes that is not the same both ways. */
export type Way = 'encrypt' | 'decrypt';

/** CBC without padding: whole blocks, chained from call to call. */
export function smallCbc(cipher: SmallBlockCipher, iv: Uint8Array, way: Way): StreamCipher {
  let previous: Halves = halvesAt(iv, 0);
  return (input) =>
    eachBlock(input, (left, right) => {
      if (way === 'encrypt') {
        previous = cipher.encrypt((left ^ previous[0]) >>> 0, (right ^ previous[1]) >>> 0);
        return previous;
      }
      const [l, r] = cipher.decrypt(left, right);
      const opened: Halves = [l ^ previous[0], r ^ previous[1]];
      previous = [left, right];
      return opened;
    });
}

/** Counter mode with a big-endian counter of one block; whole blocks, as packets are. */
export function smallCtr(cipher: SmallBlockCipher, counter: Uint8Array): StreamCipher {
  let [high, low] = halvesAt(counter, 0);
  return (input) =>
    eachBlock(input, (left, right) => {
      const [l, r] = cipher.encrypt(high, low);
      low = (low + 1) >>> 0;
      if (low === 0) high = (high + 1) >>> 0;
      return [left ^ l, right ^ r];
    });
}

function eachBlock(
  input: Uint8Array,
  change: (left: number, right: number) => Halves,
): Uint8Array<ArrayBuffer> {
  if (input.length % SMALL_BLOCK !== 0) throw new RangeError('not whole blocks');
  const output = new Uint8Array(input.length);
  for (let at = 0; at < input.length; at += SMALL_BLOCK) {
    const [left, right] = change(...halvesAt(input, at));
    writeUint32(output, at, left);
    writeUint32(output, at + 4, right);
  }
  return output;
}

function halvesAt(bytes: Uint8Array, at: number): Halves {
  return [readUint32(bytes, at), readUint32(bytes, at + 4)];
}
