import { Observable, Subject } from 'rxjs';
import type { SshError } from '../errors.ts';
import { outsideDelivery } from '../operators/credit.ts';
import { callbackError } from './ending.ts';
import type { TraceEvent, Tracer } from './trace.ts';

/** Leads the events of one connection to the option `trace` and to the subscribers of `trace$`. */
export class TraceFeed {
  /** Takes events; `undefined` while nobody listens, so that none is made. */
  tell: Tracer | undefined;
  readonly #first: Tracer | undefined;
  /** Made for the first subscriber: a server has a thousand connections that nobody looks into. */
  #events: Subject<TraceEvent> | undefined;
  #isOver = false;

  /** @param first - hears everything from the first byte */
  constructor(first: Tracer | undefined) {
    this.#first = first && blamed(first);
    this.tell = this.#first;
  }

  /** Hot: what happens from now on. Completes with the connection. */
  get events$(): Observable<TraceEvent> {
    return new Observable((subscriber) => {
      if (this.#isOver) {
        subscriber.complete();
        return undefined;
      }
      const events = (this.#events ??= new Subject());
      subscriber.add(events.subscribe(subscriber));
      this.tell = this.#both;
      return () => {
        if (!events.observed && !this.#isOver) this.tell = this.#first;
      };
    });
  }

  /** Tells how it has ended, and then nothing more. Of a tracer that throws now there is nothing left to end. */
  end(error: SshError): void {
    this.#isOver = true;
    try {
      this.tell?.({ type: 'closed', error });
    } catch {
      // whoever waits for the end is told it
    }
    this.tell = undefined;
    this.#events?.complete();
  }

  readonly #both = (event: TraceEvent): void => {
    this.#first?.(event);
    outsideDelivery(() => this.#events?.next(event));
  };
}

/** What it throws ends the connection, and says whose fault that is. */
function blamed(trace: Tracer): Tracer {
  return (event) => {
    try {
      trace(event);
    } catch (thrown) {
      throw callbackError('trace', thrown);
    }
  };
}
