/** A source with a window, as a channel has one: it emits as long as less than that is unacknowledged. */
import { Observable, type Subscriber } from 'rxjs';
import { deliver, outsideDelivery } from '../../src/operators/credit.ts';

/** Counts what is out. */
export class Sender<T> {
  readonly #values: Iterator<T>;
  readonly #window: number;
  readonly stream$: Observable<T>;
  /** Values that are not acknowledged. */
  outstanding = 0;
  /** The most that ever were. */
  most = 0;
  sent = 0;
  acknowledged = 0;
  isUnsubscribed = false;
  #isSending = false;

  /** @param window - values that may be unacknowledged */
  constructor(values: Iterable<T>, window: number) {
    this.#values = values[Symbol.iterator]();
    this.#window = window;
    this.stream$ = new Observable((subscriber) => {
      this.#send(subscriber);
      return () => (this.isUnsubscribed = true);
    });
  }

  #send(subscriber: Subscriber<T>): void {
    if (this.#isSending) return;
    this.#isSending = true;
    outsideDelivery(() => {
      while (this.outstanding < this.#window && !subscriber.closed) {
        const next = this.#values.next();
        if (next.done === true) {
          subscriber.complete();
          break;
        }
        this.sent++;
        this.outstanding++;
        this.most = Math.max(this.most, this.outstanding);
        deliver(subscriber, next.value, () => {
          this.outstanding--;
          this.acknowledged++;
          this.#send(subscriber);
        });
      }
    });
    this.#isSending = false;
  }
}

/** 0, 1, 2, … up to and without `end`. */
export function* count(end: number): Generator<number, void> {
  for (let value = 0; value < end; value++) yield value;
}
