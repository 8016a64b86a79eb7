/** Memory for large packets, used again when one is done with: fresh memory costs more than to fill it. */
import { LARGEST_PACKET, LENGTH_BYTES } from './packets.ts';

const ROOM = LENGTH_BYTES + LARGEST_PACKET;
/** Below, memory of its own is cheaper. */
const SMALL = 8 * 1024;
/** 4 MiB, for all sessions together. */
const MOST_SPARE = 16;

const spare: Uint8Array[] = [];

/** Room for that many bytes, `LENGTH_BYTES + LARGEST_PACKET` at the most. Not cleared. */
export function takeRoom(length: number): Uint8Array {
  if (length <= SMALL) return new Uint8Array(length);
  return (spare.pop() ?? new Uint8Array(ROOM)).subarray(0, length);
}

/** Gives room back that nobody looks at any more; what is none is left alone. */
export function giveRoom({ buffer }: Uint8Array): void {
  if (buffer.byteLength === ROOM && spare.length < MOST_SPARE) spare.push(new Uint8Array(buffer));
}
