/** A server on a TCP port. */
import { from, NEVER, Observable, type ObservableInput, Subject, take } from 'rxjs';
import { listenTcp } from '../streams/listen-tcp-node.ts';
import type { ServerEvent } from './events.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import { transportOptions } from './options.ts';

/** Where to listen, and how to serve. */
export interface ListenOptions extends ListenerOptions {
  /** Address or name to bind to; 127.0.0.1, so this machine only, unless said otherwise. */
  readonly host?: string;
  /** 0 is any free port: the `listening` event tells which. */
  readonly port: number;
  /**
   * When it emits, the port is closed and every connection comes to its end, those at work when their channels are over or after
   * `drainTimeout`; then `listen` completes.
   */
  readonly drain?: ObservableInput<unknown>;
}

/**
 * Listens for TCP connections and serves each of them; see {@link serve}.
 *
 * Cold. Emits `listening` when the port is bound, then the events of all connections, each with its `connection`. It only
 * completes after `drain`. What a peer does ends its own connection at the most; a connection beyond a limit is closed and told of
 * as `refused`. Errors with `connect` when the address cannot be bound, with `config` for options that cannot be met, and with what
 * `drain` errors with. Unsubscribing closes the port and disconnects every client.
 *
 * @param options - address, limits, host keys, who may log in, and the handlers
 * @example
 * ```ts
 * const drain = fromEvent(process, 'SIGTERM');
 * listen({ port: 2200, hostKeys: [key], authenticate, exec: childProcess(), drain }).subscribe((event) => {
 *   if (event.type === 'listening') console.log(`listening on ${event.address}:${event.port}`);
 * });
 * ```
 */
export function listen(options: ListenOptions): Observable<ServerEvent> {
  return new Observable((subscriber) => {
    // a mistake in the options is told before the port is bound
    transportOptions(options);
    const draining = new Subject<void>();
    const listener = new Listener({ ...options, drain: draining }, subscriber);
    subscriber.add(listener.connections);
    const error = (thrown: unknown): void => subscriber.error(thrown);
    const port = listenTcp(options).subscribe({
      next: (event) => {
        if (event.type === 'connection') listener.accept(event.duplex);
        else subscriber.next(event);
      },
      error,
    });
    subscriber.add(port);
    const drain = (): void => {
      port.unsubscribe();
      subscriber.next({ type: 'draining', connections: listener.count });
      listener.drain();
      draining.next();
    };
    subscriber.add(
      from(options.drain ?? NEVER)
        .pipe(take(1))
        .subscribe({ next: drain, error }),
    );
  });
}
