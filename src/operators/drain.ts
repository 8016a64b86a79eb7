/** Slow work for each value, at the pace of the work: the operator that carries back-pressure through asynchronous steps. */
import type { ObservableInput, ObservedValueOf, OperatorFunction, Subscriber } from 'rxjs';
import { SshError } from '../errors.ts';
import { Fifo } from '../wire/fifo.ts';
import { deliver, holdCredit, keep, outsideDelivery, type Release } from './credit.ts';
import { fromInput } from './from-input.ts';
import { lift, type Stage, subscribeInner } from './lift.ts';

/** How `drain` works. */
export interface DrainOptions {
  /** How many inner sources run at a time; 1 by default, which keeps the order. */
  readonly concurrency?: number;
}

/**
 * Projects each value to a source and emits what that emits, like `concatMap` (or `mergeMap` with a limit), and gives the
 * value's credit back only when the work for it is done: what waits is bounded by what the sender lets out.
 *
 * 1. At most `concurrency` inner sources run at a time, 1 by default; the other values wait, in order.
 * 2. The credit of a value is held from `next` until its inner source has completed *and* everything that it emitted is
 *    acknowledged; so drains behind drains are bounded by the first one's source, however slow the last is.
 * 3. What an inner source emits with credit keeps it: it returns when the value that was emitted here is done with.
 * 4. Inner iterables, async iterables and streams are asked for one value at a time.
 * 5. Completion and an error of the source wait behind the values before them.
 * 6. An error of an inner source, or of `project`, errors at once. That, and unsubscribing, stops everything and gives all
 *    credit back.
 * 7. From a source without credit the values that wait are not bounded, as with `concatMap`.
 *
 * Errors with `config` for a concurrency below 1.
 *
 * @example
 * ```ts
 * db1$.pipe(exec('cat huge.csv'), lines(), drain((line) => insert(line), { concurrency: 4 }));
 * ```
 */
export function drain<T, O extends ObservableInput<unknown>>(
  project: (value: T, index: number) => O,
  options: DrainOptions = {},
): OperatorFunction<T, ObservedValueOf<O>> {
  const { concurrency = 1 } = options;
  return lift((out: Subscriber<ObservedValueOf<O>>) => {
    if (!(concurrency >= 1))
      throw new SshError('config', 'drain needs a concurrency of at least 1', {
        option: 'concurrency',
      });
    const start: Start<T> = (value, index, inner) =>
      subscribeInner(fromInput(project(value, index)), out, inner);
    return new Drain(start, concurrency, out);
  });
}

/** Subscribes the inner source of a value. */
type Start<T> = (value: T, index: number, inner: Stage<unknown>) => void;

/** The work for one value. */
interface Work<T> {
  readonly value: T;
  readonly release: Release;
  /** 1 while the inner source runs, and 1 for each value of it that is not acknowledged. */
  pending: number;
}

class Drain<T> implements Stage<T> {
  readonly #startInner: Start<T>;
  readonly #concurrency: number;
  readonly #out: Subscriber<unknown>;
  readonly #waiting = new Fifo<Work<T>>();
  readonly #held = new Set<Work<T>>();
  #running = 0;
  #index = 0;
  #isStarting = false;
  #end: (() => void) | undefined;

  constructor(start: Start<T>, concurrency: number, out: Subscriber<unknown>) {
    this.#startInner = start;
    this.#concurrency = concurrency;
    this.#out = out;
  }

  next(value: T): void {
    const work = { value: keep(value), release: holdCredit(), pending: 1 };
    this.#held.add(work);
    this.#waiting.push(work);
    this.#startWaiting();
  }

  error(error: unknown): void {
    this.#end = () => this.#out.error(error);
    this.#startWaiting();
  }

  complete(): void {
    this.#end = () => this.#out.complete();
    this.#startWaiting();
  }

  teardown(): void {
    const held = [...this.#held];
    this.#held.clear();
    this.#waiting.takeAll();
    for (const work of held) work.release();
  }

  /** A loop, not a recursion: inner sources may complete at once, and each return of credit may bring the next value. */
  #startWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    while (this.#running < this.#concurrency && !this.#out.closed) {
      const work = this.#waiting.shift();
      if (work === undefined) break;
      this.#running++;
      this.#start(work);
    }
    this.#isStarting = false;
    if (this.#running === 0 && this.#waiting.length === 0) this.#finish();
  }

  #start(work: Work<T>): void {
    try {
      // the delivery that is going on, if any, is not the inner source's
      outsideDelivery(() => {
        this.#startInner(work.value, this.#index++, {
          next: (value) => this.#redeliver(work, value),
          complete: () => {
            this.#running--;
            this.#settle(work);
            this.#startWaiting();
          },
        });
      });
    } catch (thrown) {
      this.#out.error(thrown);
    }
  }

  #redeliver(work: Work<T>, value: unknown): void {
    const releaseInner = holdCredit();
    work.pending++;
    deliver(this.#out, keep(value), () => {
      releaseInner();
      this.#settle(work);
    });
  }

  #settle(work: Work<T>): void {
    work.pending--;
    if (work.pending > 0) return;
    this.#held.delete(work);
    work.release();
  }

  #finish(): void {
    const end = this.#end;
    if (end === undefined || this.#out.closed) return;
    this.#end = undefined;
    // what is still held is with those behind us, and returns from them
    this.#held.clear();
    end();
  }
}
