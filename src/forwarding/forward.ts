/** What comes to a listener is led on, each connection on its own. */
import {
  defer,
  endWith,
  type Observable,
  type OperatorFunction,
  ReplaySubject,
  Subscription,
  take,
  throwError,
} from 'rxjs';
import { SshError } from '../errors.ts';
import { outsideDelivery } from '../operators/credit.ts';
import { lift } from '../operators/lift.ts';
import { nest } from '../operators/nest.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import { asSshError } from '../streams/ending.ts';
import type { Endpoint } from './endpoint.ts';
import { splice } from './splice.ts';

/** Where something listens now. */
export interface Listening {
  readonly type: 'listening';
  readonly at: Endpoint;
}

/** What a listener tells: where it listens, then who has come. */
export type ListenerEvent =
  Listening | { readonly type: 'connection'; readonly duplex: ByteDuplex };

/** What a forwarding tells: where it listens, then each connection that it leads on. */
export type ForwardEvent =
  Listening | { readonly type: 'connection'; readonly connection: ForwardedConnection };

/** The two ends of a connection that is to be made one. */
export interface Ends {
  readonly near: ByteDuplex;
  readonly far: ByteDuplex;
}

/**
 * The way of a connection: emits its ends and stays open; unsubscribing lets the far one go.
 *
 * @param near - whoever has come
 * @param leadsTo - is told where the way goes, as soon as it is known
 */
export type Route = (near: ByteDuplex, leadsTo: (to: Endpoint) => void) => Observable<Ends>;

/** One connection on its way through. */
export class ForwardedConnection {
  /** Who has come, where that is known. */
  readonly peer: DuplexPeer | undefined;
  /** Emits once when it is over: `undefined` when both sides have ended, else the error. Replayed. */
  readonly closed$: Observable<SshError | undefined>;
  readonly #closed = new ReplaySubject<SshError | undefined>(1);
  readonly #life = new Subscription();
  #to: Endpoint | undefined;
  #failure: SshError | undefined;
  #bytesSent = 0;
  #bytesReceived = 0;

  /** @internal */
  constructor(near: ByteDuplex) {
    this.peer = near.peer;
    this.closed$ = this.#closed.asObservable();
  }

  /** Where it leads to; `undefined` as long as a SOCKS client has not said it. */
  get to(): Endpoint | undefined {
    return this.#to;
  }

  /** Bytes of whoever has come that the target has taken. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** Bytes of the target that whoever has come has taken. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Lets go of both sides at once; `closed$` tells `released`. */
  close(): void {
    this.end(letGo());
  }

  /**
   * Lets go of both sides because of an error.
   *
   * @internal
   */
  end(error: SshError): void {
    this.#over(error);
  }

  /**
   * Makes the way and carries bytes.
   *
   * @internal
   */
  start(near: ByteDuplex, route: Route): void {
    const counters = {
      sent: (bytes: number) => (this.#bytesSent += bytes),
      received: (bytes: number) => (this.#bytesReceived += bytes),
    };
    this.#life.add(() => near.destroy(this.#failure));
    if (this.#life.closed) return;
    const carried$ = defer(() => route(near, (to) => (this.#to = to))).pipe(
      nest((ends) => splice(ends.near, ends.far, counters).pipe(endWith(undefined)), noWay),
      take(1),
    );
    this.#life.add(
      carried$.subscribe({
        error: (error: unknown) => this.#over(asSshError(error)),
        complete: () => this.#over(undefined),
      }),
    );
  }

  #over(error: SshError | undefined): void {
    if (this.#life.closed) return;
    this.#failure = error;
    this.#life.unsubscribe();
    outsideDelivery(() => {
      this.#closed.next(error);
      this.#closed.complete();
    });
  }
}

const DEFAULT_MAXIMUM_CONNECTIONS = 1000;

/**
 * Leads on whatever comes to a listener.
 *
 * 1. Passes `listening` on, and emits each connection before its way is made; how it ends, `closed$` of the connection tells.
 * 2. An error of one connection ends nothing but itself. Beyond `maxConnections` at a time, they end with `overflow` at once.
 * 3. Completes and errors with the listener; then, and when it is unsubscribed, all connections are let go.
 *
 * @param route - makes the way of one connection
 * @param maxConnections - 1000 by default
 */
export function forwardEach(
  route: Route,
  maxConnections = DEFAULT_MAXIMUM_CONNECTIONS,
): OperatorFunction<ListenerEvent, ForwardEvent> {
  return lift((out) => {
    const open = new Set<ForwardedConnection>();
    return {
      next(event) {
        if (event.type === 'listening') {
          out.next(event);
          return;
        }
        const isFull = open.size >= maxConnections;
        const connection = new ForwardedConnection(event.duplex);
        open.add(connection);
        // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the connection, which always does
        connection.closed$.subscribe(() => open.delete(connection));
        out.next({ type: 'connection', connection });
        connection.start(event.duplex, isFull ? () => tooMany(maxConnections) : route);
      },
      error(error) {
        // what ends the forwarding has ended what stands on it
        for (const connection of open) connection.end(asSshError(error));
        out.error(error);
      },
      teardown() {
        for (const connection of open) connection.close();
      },
    };
  });
}

function letGo(): SshError<'released'> {
  const what = 'forwarded connection';
  return new SshError('released', 'the connection was let go on this side', { what });
}

function tooMany(limit: number): Observable<never> {
  const what = 'forwarded connections';
  return throwError(
    () => new SshError('overflow', `more than ${String(limit)} ${what}`, { what, limit }),
  );
}

function noWay(): SshError<'released'> {
  return new SshError('released', 'the way on has ended before it began', { what: 'target' });
}
