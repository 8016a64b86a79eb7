import {
  from,
  Observable,
  type ObservableInput,
  type OperatorFunction,
  type Subscriber,
  Subscription,
} from 'rxjs';
import { subscribeInner } from './lift.ts';

/**
 * Builds one resource on top of another: a transport on a socket, a login on a transport.
 *
 * 1. Takes the source's first value and subscribes to what `project` makes of it; further values are ignored.
 * 2. Errors of both pass through. Completion of the inner Observable does not let the source go; completion of the source
 *    alone does nothing. Completes when both have.
 * 3. Unsubscribing ends the inner subscription first, and the source behind it: what stands on top says goodbye while what
 *    it stands on is still there. A source that emits without a pause is stopped too.
 *
 * @param project - source's value → what is built on it
 * @param ifEmpty - makes the error of a source that completes without a value; without it, that is completion
 */
export function nest<T, R>(
  project: (value: T) => ObservableInput<R>,
  ifEmpty?: () => Error,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable((out) => {
      new Nest(project, out).subscribe(source, ifEmpty);
    });
}

/** What stands on what; it lives as long as the resource, and keeps no more of how that was made than it needs. */
class Nest<T, R> {
  readonly #out: Subscriber<R>;
  readonly #inner = new Subscription();
  #project: ((value: T) => ObservableInput<R>) | undefined;
  #running = 1;

  constructor(project: (value: T) => ObservableInput<R>, out: Subscriber<R>) {
    this.#project = project;
    this.#out = out;
  }

  subscribe(source: Observable<T>, ifEmpty: (() => Error) | undefined): void {
    this.#out.add(this.#inner);
    const stage = {
      next: (value: T) => this.#take(value),
      complete: () => {
        if (ifEmpty !== undefined && this.#project !== undefined) throw ifEmpty();
        this.#complete();
      },
    };
    subscribeInner(source, this.#out, stage);
  }

  #take(value: T): void {
    const project = this.#project;
    if (project === undefined) return;
    this.#project = undefined;
    try {
      this.#running++;
      const stage = {
        next: (result: R) => this.#out.next(result),
        complete: () => this.#complete(),
      };
      subscribeInner(from(project(value)), this.#out, stage, this.#inner);
    } catch (thrown) {
      this.#out.error(thrown);
    }
  }

  #complete(): void {
    this.#running--;
    if (this.#running === 0) this.#out.complete();
  }
}
