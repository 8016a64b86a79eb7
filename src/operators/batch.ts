/** Values in groups, with credit: for work that is cheaper by the hundred. */
import {
  asyncScheduler,
  type OperatorFunction,
  type SchedulerLike,
  type Subscriber,
  Subscription,
  timer,
} from 'rxjs';
import { SshError } from '../errors.ts';
import { deliver, holdCredit, keep, type Release } from './credit.ts';
import { lift, type Stage } from './lift.ts';
import { LONGEST_DELAY } from './steady-scheduler.ts';

/** How `batch` groups. */
export interface BatchOptions {
  /** Milliseconds after the first value of a batch in which it is emitted, full or not; without it a batch waits until it is full. */
  readonly maxWait?: number;
  readonly scheduler?: SchedulerLike;
}

/**
 * Collects `size` values and emits them as an array.
 *
 * 1. What has not filled a batch is emitted at completion and before an error.
 * 2. The credit of a batch's values returns when the batch is acknowledged.
 * 3. While no batch is unacknowledged, the values of the next one are acknowledged as they come: a source whose credit is
 *    smaller than a batch would else never fill one. What is kept is therefore at most one batch more than the source lets out.
 * 4. With `maxWait` a batch is emitted that many milliseconds after its first value.
 * 5. Unsubscribing gives all credit back.
 *
 * Errors with `config` for a size below 1.
 *
 * @example
 * ```ts
 * lines$.pipe(batch(1000), drain((rows) => db.insert(rows)));
 * ```
 */
export function batch<T>(size: number, options: BatchOptions = {}): OperatorFunction<T, T[]> {
  return lift((out: Subscriber<T[]>) => {
    if (!(size >= 1))
      throw new SshError('config', 'batch needs a size of at least 1', { option: 'size' });
    return new Batch(size, options, out);
  });
}

class Batch<T> implements Stage<T> {
  readonly #size: number;
  readonly #options: BatchOptions;
  readonly #out: Subscriber<T[]>;
  #values: T[] = [];
  /** Of the values that are being collected. */
  #held: Release[] = [];
  /** Of the batches that were emitted and are not acknowledged, one set of releases each. */
  readonly #outstanding = new Set<readonly Release[]>();
  #patience = Subscription.EMPTY;

  constructor(size: number, options: BatchOptions, out: Subscriber<T[]>) {
    this.#size = size;
    this.#options = options;
    this.#out = out;
  }

  next(value: T): void {
    this.#values.push(keep(value));
    const isFull = this.#values.length >= this.#size;
    if (isFull || this.#outstanding.size > 0) this.#held.push(holdCredit());
    if (isFull) this.#flush();
    else if (this.#values.length === 1) this.#startWaiting();
  }

  error(error: unknown): void {
    this.#flush();
    if (!this.#out.closed) this.#out.error(error);
  }

  complete(): void {
    this.#flush();
    this.#out.complete();
  }

  teardown(): void {
    this.#patience.unsubscribe();
    const all = [...this.#outstanding, this.#held];
    this.#outstanding.clear();
    this.#held = [];
    for (const releases of all) releaseAll(releases);
  }

  #startWaiting(): void {
    const { maxWait, scheduler = asyncScheduler } = this.#options;
    if (maxWait !== undefined)
      this.#patience = timer(Math.min(maxWait, LONGEST_DELAY), scheduler).subscribe(() =>
        this.#flush(),
      );
  }

  #flush(): void {
    this.#patience.unsubscribe();
    if (this.#values.length === 0) return;
    const values = this.#values;
    const releases = this.#held;
    this.#values = [];
    this.#held = [];
    this.#outstanding.add(releases);
    deliver(this.#out, values, () => this.#acknowledged(releases));
  }

  #acknowledged(releases: readonly Release[]): void {
    this.#outstanding.delete(releases);
    releaseAll(releases);
    if (this.#outstanding.size > 0) return;
    const held = this.#held;
    this.#held = [];
    releaseAll(held);
  }
}

function releaseAll(releases: readonly Release[]): void {
  for (const release of releases) release();
}
