/** Endpoints of this machine: what connects to them, and what listens at them. */
import { defer, map, type Observable } from 'rxjs';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { listenUnix } from '../streams/listen-unix-node.ts';
import { listenTcp } from '../streams/listen-tcp-node.ts';
import { connectTcp, connectUnix, type TcpOptions } from '../streams/tcp-node.ts';
import { checkBound, checkTarget, type Endpoint } from './endpoint.ts';
import type { ListenerEvent } from './forward.ts';

const DEFAULT_CONNECT_TIMEOUT = 20_000;

/**
 * Connects to an endpoint as this machine knows it. Emits one duplex and stays open; unsubscribing lets it go. Errors with
 * `connect`, `timeout` (20 s unless said otherwise) or `config`.
 */
export function connectEndpoint(
  to: Endpoint,
  options: Pick<TcpOptions, 'permit' | 'timeout'> = {},
): Observable<ByteDuplex> {
  return defer(() => {
    checkTarget(to);
    if ('socketPath' in to) return connectUnix(to.socketPath);
    return connectTcp({ timeout: DEFAULT_CONNECT_TIMEOUT, ...options, ...to });
  });
}

/**
 * Listens at an endpoint of this machine. Emits where it listens, then each connection; never completes. Errors with `connect` or
 * `config`. Unsubscribing closes the listener, not what it has accepted.
 */
export function listenEndpoint(at: Endpoint): Observable<ListenerEvent> {
  return defer((): Observable<ListenerEvent> => {
    checkBound(at);
    if ('socketPath' in at)
      return listenUnix(at.socketPath).pipe(
        map((event) => (event.type === 'listening' ? { type: 'listening', at } : event)),
      );
    return listenTcp(at).pipe(
      map((event) =>
        event.type === 'listening'
          ? { type: 'listening', at: { host: event.address, port: event.port } }
          : event,
      ),
    );
  });
}
