/** Room for what is read: kept for the next READ when an answer was sent, for fresh memory costs more than to read into it. */
import { DATA_HEAD, LARGEST_DATA } from './packets.ts';

/** Below, memory of its own is cheaper than a large room. */
const SMALL_READ = 4 * 1024;
/** 4 MiB, for all sessions together. */
const MOST_SPARE = 16;

const spare: Uint8Array[] = [];

/** Room for a DATA of that much data; it may be larger. Not cleared. */
export function takeReadBuffer(length: number): Uint8Array {
  if (length <= SMALL_READ) return new Uint8Array(DATA_HEAD + length);
  return spare.pop() ?? new Uint8Array(DATA_HEAD + LARGEST_DATA);
}

/** Gives room back that nobody looks at any more. */
export function giveReadBuffer(buffer: Uint8Array): void {
  if (buffer.length === DATA_HEAD + LARGEST_DATA && spare.length < MOST_SPARE) spare.push(buffer);
}
