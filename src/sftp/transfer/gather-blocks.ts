import type { MonoTypeOperatorFunction, Subscriber } from 'rxjs';
import {
  deliver,
  holdCredit,
  keep,
  outsideDelivery,
  type Release,
} from '../../operators/credit.ts';
import { lift, type Stage } from '../../operators/lift.ts';
import { Fifo } from '../../wire/fifo.ts';
import { giveRoom, takeRoom } from '../packet-rooms.ts';
import { LARGEST_DATA } from '../packets.ts';

/** Blocks of one stream that may be with the consumer: one is written while the next is filled. */
const MOST_BLOCKS = 4;

/**
 * Copies chunks into blocks of 255 KiB for a consumer that pays by the call, as a disk does.
 *
 * 1. A block is emitted when it is full; what is left at the end, or at an error, goes before it.
 * 2. The memory of a block is used again when its credit is back.
 * 3. Credit for chunks returns when they are copied; that waits while the consumer has four blocks.
 */
export function gatherBlocks(): MonoTypeOperatorFunction<Uint8Array> {
  return lift((out: Subscriber<Uint8Array>) => new Gatherer(out));
}

class Gatherer implements Stage<Uint8Array> {
  readonly #out: Subscriber<Uint8Array>;
  readonly #waiting = new Fifo<{ readonly bytes: Uint8Array; readonly release: Release }>();
  #block: Uint8Array | undefined;
  #filled = 0;
  #blocksOut = 0;
  #end: (() => void) | undefined;

  constructor(out: Subscriber<Uint8Array>) {
    this.#out = out;
  }

  next(chunk: Uint8Array): void {
    const rest = this.#waiting.length > 0 ? chunk : this.#copy(chunk);
    if (rest.length > 0) this.#waiting.push({ bytes: keep(rest), release: holdCredit() });
  }

  error(error: unknown): void {
    this.#finish(() => this.#out.error(error));
  }

  complete(): void {
    this.#finish(() => this.#out.complete());
  }

  teardown(): void {
    for (const { release } of this.#waiting.takeAll()) release();
  }

  #finish(end: () => void): void {
    this.#end = end;
    if (this.#waiting.length === 0) this.#endNow();
  }

  #endNow(): void {
    const end = this.#end;
    // credit that returns at once comes by here again
    this.#end = undefined;
    if (this.#filled > 0) this.#emit();
    end?.();
  }

  /** Copies as much as there is room for; gives the rest. */
  #copy(chunk: Uint8Array): Uint8Array {
    let rest = chunk;
    while (rest.length > 0 && this.#blocksOut < MOST_BLOCKS) {
      this.#block ??= takeRoom(LARGEST_DATA);
      const part = rest.subarray(0, this.#block.length - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === this.#block.length) this.#emit();
    }
    return rest;
  }

  #emit(): void {
    const block = this.#block;
    if (block === undefined) return;
    const bytes = block.subarray(0, this.#filled);
    this.#block = undefined;
    this.#filled = 0;
    this.#blocksOut++;
    deliver(this.#out, bytes, () => {
      giveRoom(block);
      this.#blocksOut--;
      if (!this.#out.closed) outsideDelivery(() => this.#goOn());
    });
  }

  #goOn(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const rest = this.#copy(next.bytes);
      if (rest.length > 0) {
        this.#waiting.shift();
        this.#waiting.unshift({ bytes: rest, release: next.release });
        return;
      }
      this.#waiting.shift();
      next.release();
    }
    if (this.#end !== undefined && this.#waiting.length === 0) this.#endNow();
  }
}
