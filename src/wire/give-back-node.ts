/**
 * Gives memory back as soon as it is done with. Node's ciphers cannot write where they are told: each call makes an ArrayBuffer,
 * and V8 collects those by their volume: gigabytes of ciphertext, copied on at once, cost as much in collections as in AES, and
 * 30 MiB of what has not been collected yet. Memory that is given back is used again while it is still in the processor's cache.
 */
import { MessageChannel } from 'node:worker_threads';

/** Larger than what V8 frees in one collection. */
const LARGEST_COLLECTED = 4 * 1024 * 1024;

/** What transferring costs, a microsecond and a half, is worth it from here on. */
const WORTH_IT = 4096;

/**
 * What is transferred to a port that nobody listens to is freed there and then (`ArrayBuffer.prototype.transfer` does the same,
 * from Node 21 on). Closed ports hold no process open.
 */
const { port1: drain, port2: outlet } = new MessageChannel();
outlet.close();
drain.close();

/**
 * glibc hands what is free at the end of its heap back to the system, from twice the largest block on that it has ever unmapped
 * (128 KiB at first), and takes it anew for the next packets: a fifth of a second a gigabyte (measured). A block that nobody
 * writes to takes no memory.
 */
giveBack(new Uint8Array(LARGEST_COLLECTED));

/** Frees a result that has been copied to where it goes. It is empty afterwards; small ones stay as they are. */
export function giveBack(result: Uint8Array): void {
  const { buffer } = result;
  // a view of something larger is not ours to give
  if (result.length < WORTH_IT || result.length !== buffer.byteLength) return;
  drain.postMessage(undefined, [buffer as ArrayBuffer]);
}
