/** A server on a TCP port. */
import {
  from,
  NEVER,
  Observable,
  type ObservableInput,
  type Subscriber,
  Subscription,
  take,
} from 'rxjs';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { listenTcp } from '../streams/tcp-node.ts';
import type { ConnectionEvent, ServerEvent } from './events.ts';
import { type ServeOptions, transportOptions } from './options.ts';
import { serve } from './serve.ts';

/** Where to listen, and how to serve. */
export interface ListenOptions extends ServeOptions {
  /** Address or name to bind to; 127.0.0.1, so this machine only, unless said otherwise. */
  readonly host?: string;
  /** 0 is any free port: the `listening` event tells which. */
  readonly port: number;
  /** Connections at a time whose users have not logged in yet; 100 unless said otherwise. */
  readonly maxUnauthenticated?: number;
  /** Connections at a time; 2048 unless said otherwise. */
  readonly maxConnections?: number;
  /** When it emits, the port is closed. The connections that are there go on, and `listen` completes when the last is over. */
  readonly drain?: ObservableInput<unknown>;
}

const DEFAULT_MAXIMUM_UNAUTHENTICATED = 100;
const DEFAULT_MAXIMUM_CONNECTIONS = 2048;

/**
 * Listens for TCP connections and serves each of them; see {@link serve}.
 *
 * Cold. Emits `listening` when the port is bound, then the events of all connections, each with its `connection`. It only
 * completes after `drain`. What a peer does ends its own connection at the most; a connection beyond a limit is closed and told of
 * as `refused`. Errors with `connect` when the address cannot be bound and with `config` for options that cannot be met.
 * Unsubscribing closes the port and disconnects every client.
 *
 * @param options - address, limits, host keys, who may log in, and the handlers
 * @example
 * ```ts
 * listen({ port: 2200, hostKeys: [key], authenticate, exec: childProcess() }).subscribe((event) => {
 *   if (event.type === 'listening') console.log(`listening on ${event.address}:${event.port}`);
 * });
 * ```
 */
export function listen(options: ListenOptions): Observable<ServerEvent> {
  return new Observable((subscriber) => {
    // a mistake in the options is told before the port is bound
    transportOptions(options);
    const listener = new Listener(options, subscriber);
    subscriber.add(listener.connections);
    const port = listenTcp(options).subscribe({
      next: (event) => {
        if (event.type === 'connection') listener.accept(event.duplex);
        else subscriber.next(event);
      },
      error: (error: unknown) => subscriber.error(error),
    });
    subscriber.add(port);
    const drained = from(options.drain ?? NEVER)
      .pipe(take(1))
      .subscribe({
        next: () => {
          port.unsubscribe();
          listener.drain();
        },
        error: (error: unknown) => subscriber.error(error),
      });
    subscriber.add(drained);
  });
}

/** Counts connections, and serves them. */
class Listener {
  readonly connections = new Subscription();
  readonly #options: ListenOptions;
  readonly #subscriber: Subscriber<ServerEvent>;
  #count = 0;
  #unauthenticated = 0;
  #isDraining = false;

  constructor(options: ListenOptions, subscriber: Subscriber<ServerEvent>) {
    this.#options = options;
    this.#subscriber = subscriber;
  }

  accept(duplex: ByteDuplex): void {
    const limit = this.#exceeded();
    if (limit !== undefined) {
      const { peer } = duplex;
      duplex.destroy();
      this.#subscriber.next({ type: 'refused', peer, limit });
      return;
    }
    this.#count++;
    this.#unauthenticated++;
    const slot = new Subscription(() => this.#unauthenticated--);
    const connection = serve(duplex, this.#options).subscribe((event) => this.#tell(event, slot));
    connection.add(() => {
      slot.unsubscribe();
      this.#count--;
      this.#completeWhenDrained();
    });
    this.connections.add(connection);
  }

  /** Nobody comes any more. */
  drain(): void {
    this.#isDraining = true;
    this.#completeWhenDrained();
  }

  #completeWhenDrained(): void {
    if (this.#isDraining && this.#count === 0) this.#subscriber.complete();
  }

  #tell(event: ConnectionEvent, slot: Subscription): void {
    if (event.type === 'authenticated') slot.unsubscribe();
    this.#subscriber.next(event);
  }

  #exceeded(): 'maxUnauthenticated' | 'maxConnections' | undefined {
    const {
      maxUnauthenticated = DEFAULT_MAXIMUM_UNAUTHENTICATED,
      maxConnections = DEFAULT_MAXIMUM_CONNECTIONS,
    } = this.#options;
    if (this.#count >= maxConnections) return 'maxConnections';
    return this.#unauthenticated >= maxUnauthenticated ? 'maxUnauthenticated' : undefined;
  }
}
