/** An Observable for `for await`, at the reader's pace. */
import { type Observable, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import { Fifo } from '../wire/fifo.ts';
import { abortableBy } from './abortable.ts';
import { holdCredit, isDelivering, keep, type Release } from './credit.ts';
import { lift } from './lift.ts';

/** How much may wait for the reader. */
export interface ToAsyncIterableOptions {
  /** Values of a source without credit that may wait; 1024 by default. */
  readonly highWaterMark?: number;
  /** Unsubscribes, and the reader gets the error `aborted` behind the values that wait. */
  readonly signal?: AbortSignal;
}

const DEFAULT_HIGH_WATER_MARK = 1024;

/**
 * Reads an Observable with `for await`.
 *
 * 1. Each iterator subscribes when it is first asked, and unsubscribes when the loop is left (`return`, `throw`).
 * 2. A value's credit is held until the reader has taken it and asks for the next one.
 * 3. Values without credit wait up to `highWaterMark`; then the source is let go, and an `overflow` error comes behind them.
 * 4. An error of the source is thrown once, behind the values before it.
 *
 * @example
 * ```ts
 * for await (const line of toAsyncIterable(client.exec('journalctl -f').pipe(lines()))) console.log(line);
 * ```
 */
export function toAsyncIterable<T>(
  source: Observable<T>,
  options: ToAsyncIterableOptions = {},
): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new Reading(source, options) };
}

/** A value that waits for the reader. */
interface Waiting<T> {
  readonly value: T;
  readonly release: Release;
  readonly hasCredit: boolean;
}

/** Somebody who waits for a value. */
interface Reader<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

class Reading<T> implements AsyncIterator<T, undefined> {
  readonly #source$: Observable<T>;
  readonly #limit: number;
  readonly #values = new Fifo<Waiting<T>>();
  readonly #readers = new Fifo<Reader<T>>();
  #subscription: Subscription | undefined;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #valuesWithoutCredit = 0;
  /** Of the value that the reader has and may still be at work on. */
  #taken: Release = nothing;

  constructor(source: Observable<T>, options: ToAsyncIterableOptions) {
    this.#source$ = source.pipe(abortableBy(options.signal));
    this.#limit = options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const taken = this.#taken;
    this.#taken = nothing;
    const result = new Promise<IteratorResult<T, undefined>>((resolve, reject) =>
      this.#answer({ resolve, reject }),
    );
    // last: the source may emit at once
    taken();
    this.#subscribe();
    return result;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#stop();
    this.#failure = undefined;
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<never> {
    this.#stop();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the reader has thrown
    return Promise.reject(error);
  }

  #answer(reader: Reader<T>): void {
    const waiting = this.#values.shift();
    if (waiting !== undefined) {
      if (!waiting.hasCredit) this.#valuesWithoutCredit--;
      this.#taken = waiting.release;
      reader.resolve({ done: false, value: waiting.value });
    } else if (this.#isEnded) {
      this.#answerEnd(reader);
    } else {
      this.#readers.push(reader);
    }
  }

  #answerEnd(reader: Reader<T>): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure === undefined) reader.resolve(DONE);
    else reader.reject(failure.error);
  }

  #subscribe(): void {
    if (this.#subscription !== undefined || this.#isEnded) return;
    const subscription = new Subscription();
    this.#subscription = subscription;
    // as an operator, so that an overflow stops even a synchronous source
    const arriving = lift<T, never>(() => ({ next: (value) => this.#arrive(value) }));
    subscription.add(
      this.#source$.pipe(arriving).subscribe({
        error: (error: unknown) => this.#end({ error }),
        complete: () => this.#end(undefined),
      }),
    );
  }

  #arrive(value: T): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      // who has asked again already is done with this one
      if (this.#readers.length === 0) this.#taken = holdCredit();
      reader.resolve({ done: false, value: keep(value) });
      return;
    }
    const hasCredit = isDelivering();
    if (!hasCredit && ++this.#valuesWithoutCredit > this.#limit) throw overflow(this.#limit);
    this.#values.push({ value: keep(value), hasCredit, release: holdCredit() });
  }

  #end(failure: { readonly error: unknown } | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    for (const reader of this.#readers.takeAll()) this.#answerEnd(reader);
  }

  /** The reader has gone. */
  #stop(): void {
    this.#end(undefined);
    this.#subscription?.unsubscribe();
    const taken = this.#taken;
    this.#taken = nothing;
    taken();
    for (const { release } of this.#values.takeAll()) release();
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

function overflow(limit: number): SshError<'overflow'> {
  const message = `the source is faster than its reader: more than ${String(limit)} values wait`;
  return new SshError('overflow', message, { what: 'values waiting to be read', limit });
}

function nothing(): void {
  // nothing is held
}
