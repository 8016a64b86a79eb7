/**
 * Buffers for what leaves: packets are sealed straight into one, a turn's packets leave in one write, and the buffer is used
 * again when its writes are done. Fresh buffers for every batch would cost page faults.
 */

/** What a connection begins with when it has nothing in flight: enough for a turn of small packets. */
const SMALL = 4 * 1024;
/** Seven packets of channel data. */
const LARGE = 256 * 1024;
/** Buffers of each size that are kept for whoever sends next, in the whole process: 2 MiB and a little. */
const MAX_SPARE = 8;

interface Batch {
  readonly bytes: Uint8Array;
  /** Bytes given out. */
  used: number;
  /** Bytes whose write is done. */
  done: number;
}

const spareSmall: Batch[] = [];
const spareLarge: Batch[] = [];

/** The buffers of one connection. */
export class OutgoingBatches {
  #current: Batch | undefined;
  readonly #inUse = new Map<ArrayBufferLike, Batch>();
  #pending = 0;

  /** Bytes that were sealed and whose write is not done. */
  get pending(): number {
    return this.#pending;
  }

  /** Room for one sealed packet, behind the one before it where that is possible. */
  readonly reserve = (length: number): Uint8Array => {
    let batch = this.#current;
    if (batch === undefined || batch.used + length > batch.bytes.length) {
      batch = batchOf(batch === undefined ? length : Math.max(length, LARGE));
      this.#current = batch;
      this.#inUse.set(batch.bytes.buffer, batch);
    }
    batch.used += length;
    this.#pending += length;
    return batch.bytes.subarray(batch.used - length, batch.used);
  };

  /** Takes back what a finished write occupied. */
  release(written: Uint8Array): void {
    this.#pending -= written.length;
    const batch = this.#inUse.get(written.buffer);
    if (batch === undefined) return;
    batch.done += written.length;
    if (batch.done < batch.used) return;
    this.#inUse.delete(written.buffer);
    if (this.#current === batch) this.#current = undefined;
    keepBack(batch);
  }
}

function batchOf(length: number): Batch {
  const size = length <= SMALL ? SMALL : Math.max(length, LARGE);
  const batch = sparesOf(size)?.pop();
  if (batch === undefined) return { bytes: new Uint8Array(size), used: 0, done: 0 };
  batch.used = 0;
  batch.done = 0;
  return batch;
}

function keepBack(batch: Batch): void {
  const spares = sparesOf(batch.bytes.length);
  if (spares !== undefined && spares.length < MAX_SPARE) spares.push(batch);
}

function sparesOf(size: number): Batch[] | undefined {
  if (size === SMALL) return spareSmall;
  return size === LARGE ? spareLarge : undefined;
}
