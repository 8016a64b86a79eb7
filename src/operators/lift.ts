/**
 * The one way in which operators are built here: errors and completion pass through, whatever a stage throws becomes the
 * stream's error (a bare `subscribe({ next })` would turn it into an uncaught exception while the stream goes on), and an
 * error stops even a synchronous source.
 */
import { Observable, type OperatorFunction, Subscriber, type Subscription } from 'rxjs';

/** What an operator does with each notification; what it leaves out passes through. */
export interface Stage<T> {
  /** A value of the source; what it throws is the error of the stream. */
  next(value: T): void;
  /** The end of the source by an error; without it the error passes on. */
  error?(error: unknown): void;
  /** The end of the source; without it the completion passes on. */
  complete?(): void;
  /** Runs once, when the subscription has ended for whatever reason. */
  teardown?(): void;
}

/**
 * An operator from a stage.
 *
 * @param create - makes the stage of one subscription, so that no state is shared between subscriptions
 */
export function lift<T, R>(create: (out: Subscriber<R>) => Stage<T>): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((out) => {
      const stage = create(out);
      if (!out.closed) source.subscribe(new StageSubscriber(out, stage));
    });
}

/**
 * Subscribes an operator's inner source: it ends with `out`, its errors are errors of `out`, and at its completion it is let
 * go first and `stage.complete` called then, so that what follows it finds its resources free.
 */
export function subscribeInner<T>(
  source: Observable<T>,
  out: Subscriber<unknown>,
  stage: Stage<T>,
  owner?: Subscription,
): void {
  if (out.closed) return;
  const subscriber = new InnerSubscriber(out, stage);
  owner?.add(subscriber);
  source.subscribe(subscriber);
}

/** Linked to its destination like the subscribers of rxjs's own operators, so that a closed destination stops the source. */
class StageSubscriber<T> extends Subscriber<T> {
  readonly #stage: Stage<T>;

  constructor(out: Subscriber<unknown>, stage: Stage<T>) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only public way to link two subscribers
    super(out);
    this.#stage = stage;
  }

  /** Everything upstream is let go first: what a teardown gives back must not make it emit once more. */
  override unsubscribe(): void {
    if (this.closed) return;
    super.unsubscribe();
    // a destination that is closed already closes this one before it has a stage
    if (#stage in this) this.#stage.teardown?.();
  }

  protected override _next(value: T): void {
    try {
      this.#stage.next(value);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  protected override _error(error: unknown): void {
    if (this.#stage.error === undefined) {
      super._error(error);
      return;
    }
    this.#attempt(() => this.#stage.error?.(error));
  }

  protected override _complete(): void {
    if (this.#stage.complete === undefined) {
      super._complete();
      return;
    }
    this.#attempt(() => this.#stage.complete?.());
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    super._error(thrown);
  }
}

class InnerSubscriber<T> extends StageSubscriber<T> {
  readonly #out: Subscriber<unknown>;
  readonly #completed: () => void;

  constructor(out: Subscriber<unknown>, stage: Stage<T>) {
    super(out, stage);
    this.#out = out;
    this.#completed = () => stage.complete?.();
  }

  protected override _complete(): void {
    this.unsubscribe();
    try {
      this.#completed();
    } catch (thrown) {
      this.#out.error(thrown);
    }
  }
}
