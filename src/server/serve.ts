/** A server for one connection, over whatever carries bytes. */
import { from, NEVER, Observable, take } from 'rxjs';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import type { ConnectionEvent } from './events.ts';
import { type ServeOptions, transportOptions } from './options.ts';
import { ServedConnection } from './served-connection.ts';

/**
 * Serves one client: the transport (RFC 4253), the login (RFC 4252), then channels and requests (RFC 4254), each granted only
 * where a handler says so.
 *
 * Cold. Emits what happens ({@link ConnectionEvent}), `connection` first and `closed` last, and completes. Whatever the peer
 * does, it never errors: how the connection ended is in `closed`. It errors with `config`, before the duplex is touched, for
 * options that cannot be met, and with what `drain` errors with. Unsubscribing disconnects and unsubscribes every handler.
 *
 * @param duplex - a socket, a channel of another connection, one end of `memoryPair`; it is let go at the end
 * @param options - host keys, who may log in, and the handlers
 * @example
 * ```ts
 * serve(duplex, {
 *   hostKeys: [generatePrivateKey('ed25519')],
 *   authenticate: (attempt) => attempt.method === 'publickey' && isKnown(attempt.user, attempt.publicKey),
 *   exec: (session, command) => session.stdout.pump(`${session.user}: ${command}\n`).pipe(exitWith(0)),
 * }).subscribe((event) => console.log(event.type));
 * ```
 */
export function serve(duplex: ByteDuplex, options: ServeOptions): Observable<ConnectionEvent> {
  return new Observable((subscriber) => {
    const transport = transportOptions(options);
    const connection = new ServedConnection(duplex, options, (event) => {
      // unsubscribed: what still comes to its end is told to nobody
      if (subscriber.closed) return;
      subscriber.next(event);
      if (event.type === 'closed') subscriber.complete();
    });
    subscriber.add(() => connection.stop());
    connection.start(transport);
    subscriber.add(
      from(options.drain ?? NEVER)
        .pipe(take(1))
        .subscribe({
          next: () => connection.drain(),
          error: (error: unknown) => subscriber.error(error),
        }),
    );
  });
}
