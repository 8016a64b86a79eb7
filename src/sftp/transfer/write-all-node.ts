import type { OperatorFunction, Subscriber } from 'rxjs';
import { holdCredit, keep, outsideDelivery } from '../../operators/credit.ts';
import { lift, type Stage } from '../../operators/lift.ts';
import type { LocalDescriptor } from './local-descriptor-node.ts';

/**
 * Writes what comes into an open file, and emits how many bytes were written so far.
 *
 * 1. One call of the system at a time, in the order of the file, so that an early end leaves no hole; pieces that come meanwhile are
 *    written together.
 * 2. The credit of a piece returns when it is written.
 * 3. Completion and an error of the source wait for what came before them. A write that fails errors at once.
 *
 * @param start - position of the first byte
 * @param giveBack - told of pieces that were written
 */
export function writeAll(
  file: LocalDescriptor,
  start: number,
  giveBack?: (chunk: Uint8Array) => void,
): OperatorFunction<Uint8Array, number> {
  return lift((out: Subscriber<number>) => new Writing(file, start, out, giveBack));
}

class Writing implements Stage<Uint8Array> {
  readonly #file: LocalDescriptor;
  readonly #start: number;
  readonly #out: Subscriber<number>;
  readonly #giveBack: ((chunk: Uint8Array) => void) | undefined;
  #position: number;
  #pending = 0;
  #end: (() => void) | undefined;

  constructor(
    file: LocalDescriptor,
    start: number,
    out: Subscriber<number>,
    giveBack: ((chunk: Uint8Array) => void) | undefined,
  ) {
    this.#file = file;
    this.#start = start;
    this.#position = start;
    this.#out = out;
    this.#giveBack = giveBack;
  }

  next(chunk: Uint8Array): void {
    const release = holdCredit();
    const bytes = keep(chunk);
    const position = this.#position;
    const end = position + bytes.length;
    this.#position = end;
    this.#pending++;
    this.#file.write(bytes, position, (error) => {
      this.#pending--;
      if (bytes === chunk) this.#giveBack?.(chunk);
      release();
      if (!this.#out.closed) outsideDelivery(() => this.#wrote(end, error));
    });
  }

  error(error: unknown): void {
    this.#finish(() => this.#out.error(error));
  }

  complete(): void {
    this.#finish(() => this.#out.complete());
  }

  #wrote(end: number, error: unknown): void {
    if (error !== undefined) {
      this.#out.error(error);
      return;
    }
    this.#out.next(end - this.#start);
    if (this.#pending === 0) this.#end?.();
  }

  #finish(end: () => void): void {
    this.#end = end;
    if (this.#pending === 0) end();
  }
}
