import { Observable, Subject } from 'rxjs';
import { outsideDelivery } from '../operators/credit.ts';
import type { TraceEvent, Tracer } from './trace.ts';

/** Leads the events of one connection to the option `trace` and to the subscribers of `trace$`. */
export class TraceFeed {
  /** Takes events; `undefined` while nobody listens, so that none is made. */
  tell: Tracer | undefined;
  readonly #first: Tracer | undefined;
  readonly #events = new Subject<TraceEvent>();

  /** Hot: what happens from now on. Completes with the connection. */
  readonly events$ = new Observable<TraceEvent>((subscriber) => {
    subscriber.add(this.#events.subscribe(subscriber));
    this.#choose();
    return () => this.#choose();
  });

  /** @param first - hears everything from the first byte */
  constructor(first: Tracer | undefined) {
    this.#first = first;
    this.tell = first;
  }

  /** Nothing more is told. */
  end(): void {
    this.#events.complete();
    this.tell = undefined;
  }

  #choose(): void {
    this.tell = this.#events.observed ? this.#both : this.#first;
  }

  readonly #both = (event: TraceEvent): void => {
    this.#first?.(event);
    outsideDelivery(() => this.#events.next(event));
  };
}
