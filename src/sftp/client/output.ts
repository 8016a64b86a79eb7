/**
 * The subscriber of a stream that is fed from answers. To rxjs it is closed only when its last notification has been heard; but
 * who hears that gives credit back, and what is sent then must not come to a second end.
 */
import type { Subscriber } from 'rxjs';
import { deliver } from '../../operators/credit.ts';

/** A subscriber that is ended once. */
export class Output<T> {
  readonly #subscriber: Subscriber<T>;
  #hasEnded = false;

  constructor(subscriber: Subscriber<T>) {
    this.#subscriber = subscriber;
  }

  /** Has the stream ended, or does nobody want it any more? */
  isOver(): boolean {
    return this.#hasEnded || this.#subscriber.closed;
  }

  /** Emits a value with credit. */
  deliver(value: T, acknowledge: () => void): void {
    deliver(this.#subscriber, value, acknowledge);
  }

  complete(): void {
    if (this.isOver()) return;
    this.#hasEnded = true;
    this.#subscriber.complete();
  }

  error(error: unknown): void {
    if (this.isOver()) return;
    this.#hasEnded = true;
    this.#subscriber.error(error);
  }
}
