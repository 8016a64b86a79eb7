/** Memory for large packets, used again when one is done with: fresh memory costs more than to fill it. */
import { LARGEST_PACKET, LENGTH_BYTES } from './packets.ts';

/** Below, memory of its own is cheaper. */
const SMALL = 8 * 1024;
/** Of a request that carries 32 KiB, the most that every server takes, with its handle; and of the largest one. */
const ROOMS = [33 * 1024, LENGTH_BYTES + LARGEST_PACKET];
/** 4 MiB of each size, for all sessions together. */
const MOST_SPARE = 4 * 1024 * 1024;

const spares: ReadonlyMap<number, Uint8Array[]> = new Map(ROOMS.map((size) => [size, []]));

/** Room for that many bytes, `LENGTH_BYTES + LARGEST_PACKET` at the most. Not cleared. */
export function takeRoom(length: number): Uint8Array {
  const size = length <= SMALL ? length : (ROOMS.find((room) => length <= room) ?? length);
  return (spares.get(size)?.pop() ?? new Uint8Array(size)).subarray(0, length);
}

/** Gives room back that nobody looks at any more; what is none is left alone. */
export function giveRoom({ buffer }: Uint8Array): void {
  const spare = spares.get(buffer.byteLength);
  if (spare !== undefined && (spare.length + 1) * buffer.byteLength <= MOST_SPARE)
    spare.push(new Uint8Array(buffer));
}
