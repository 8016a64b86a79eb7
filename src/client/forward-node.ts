/** Forwarding on Node: listeners of this machine, and of the server, with connections led on through the client. */
import { map, merge, Observable, type OperatorFunction, switchMap, throwError } from 'rxjs';
import type { Endpoint, TcpEndpoint } from '../forwarding/endpoint.ts';
import { connectEndpoint, listenEndpoint } from '../forwarding/endpoints-node.ts';
import {
  forwardEach,
  type ForwardEvent,
  type ListenerEvent,
  type Route,
} from '../forwarding/forward.ts';
import { socksRoute } from '../forwarding/socks-route.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import type { SshClient } from './client.ts';
import { withClient } from './with-client.ts';

/** Where to listen: on `127.0.0.1` unless a host is named. */
export type ListenAt = Endpoint | { readonly host?: string; readonly port: number };

/** What listens. */
export interface ListenOption {
  /** Where to listen; port 0 is any free port, the event `listening` tells which. */
  readonly listen: ListenAt;
  /** Connections at a time; those beyond it end with `overflow`. 1000 by default. */
  readonly maxConnections?: number;
}

/** What is forwarded, and where to. */
export interface ForwardOptions extends ListenOption {
  /** Where each connection is led to, as whoever connects there knows it. */
  readonly to: Endpoint;
}

/** How a SOCKS proxy works. */
export interface SocksProxyOptions extends ListenOption {
  /** Milliseconds that a client has to say where it wants to go; 10 000 by default, 0 is no limit. */
  readonly handshakeTimeout?: number;
}

const LOOPBACK = '127.0.0.1';

/**
 * Listens on this machine and has the server connect to the target, as `ssh -L`. Keeps the source subscribed, so connected.
 *
 * 1. Emits `listening`, then each connection, whose properties tell its bytes and whose `closed$` tells its end.
 * 2. Each side of a connection is ended on its own (half-closes pass through), and the slower side sets the pace.
 * 3. An error of one connection, a refused target too, ends nothing but itself.
 * 4. Errors with `connect` when it cannot listen, `config`, and with what ended the client. It does not complete.
 * 5. Unsubscribing closes the listener and lets all connections go.
 *
 * @example
 * ```ts
 * connect('bastion')
 *   .pipe(forwardLocal({ listen: { port: 5432 }, to: { host: 'db.internal', port: 5432 } }))
 *   .subscribe((event) => console.log(event.type));
 * ```
 */
export function forwardLocal({
  listen,
  to,
  maxConnections,
}: ForwardOptions): OperatorFunction<SshClient, ForwardEvent> {
  return forwarding(
    (client) => listenLocal(client, withLoopback(listen)),
    (client) => (near, leadsTo) => {
      leadsTo(to);
      return client.dial(to, near.peer).pipe(map((far) => ({ near, far })));
    },
    maxConnections,
  );
}

/**
 * Has the server listen and connects to the target from this machine, as `ssh -R`. Otherwise like {@link forwardLocal}; errors
 * with `request-refused` when the server does not let us listen.
 *
 * @example
 * ```ts
 * connect('public.example.org')
 *   .pipe(forwardRemote({ listen: { port: 0 }, to: { host: '127.0.0.1', port: 3000 } }))
 *   .subscribe((event) => console.log(event));
 * ```
 */
export function forwardRemote({
  listen,
  to,
  maxConnections,
}: ForwardOptions): OperatorFunction<SshClient, ForwardEvent> {
  return forwarding(
    (client) => listenRemote(client, withLoopback(listen)),
    () => (near, leadsTo) => {
      leadsTo(to);
      return connectEndpoint(to).pipe(map((far) => ({ near, far })));
    },
    maxConnections,
  );
}

/**
 * A SOCKS proxy (4, 4a and 5; IPv4, IPv6 and names, which the server looks up) on this machine, as `ssh -D`. It asks for no
 * login, so whoever reaches the listener can use it. Otherwise like {@link forwardLocal}; a client that does not speak SOCKS ends
 * with `protocol`.
 *
 * @example `connect('bastion').pipe(socksProxy({ listen: { port: 1080 } })).subscribe()`
 */
export function socksProxy({
  listen,
  handshakeTimeout,
  maxConnections,
}: SocksProxyOptions): OperatorFunction<SshClient, ForwardEvent> {
  return forwarding(
    (client) => listenLocal(client, withLoopback(listen)),
    (client) => socksRoute((to, near) => client.dial(to, near.peer), handshakeTimeout),
    maxConnections,
  );
}

/** How a SOCKS proxy at the server works. */
export interface RemoteSocksProxyOptions extends SocksProxyOptions {
  /** Judges where clients of the proxy want to go, with each address that it stands for; all is permitted unless said otherwise. */
  readonly permit?: (to: TcpEndpoint, address: string) => boolean;
}

/**
 * A SOCKS proxy at the server, whose clients come out at this machine, as `ssh -R` with a port alone: names are looked up here.
 * Whoever reaches the listener gets to wherever this machine does, as far as `permit` lets him. Otherwise like
 * {@link forwardRemote} and {@link socksProxy}.
 *
 * @example
 * ```ts
 * connect('build.example.org').pipe(
 *   remoteSocksProxy({ listen: { port: 1080 }, permit: ({ host }) => host === 'registry.internal' }),
 * );
 * ```
 */
export function remoteSocksProxy({
  listen,
  handshakeTimeout,
  maxConnections,
  permit,
}: RemoteSocksProxyOptions): OperatorFunction<SshClient, ForwardEvent> {
  const dial = (to: TcpEndpoint): Observable<ByteDuplex> =>
    connectEndpoint(to, permit === undefined ? {} : { permit: (address) => permit(to, address) });
  return forwarding(
    (client) => listenRemote(client, withLoopback(listen)),
    () => socksRoute(dial, handshakeTimeout),
    maxConnections,
  );
}

function forwarding(
  listenWith: (client: SshClient) => Observable<ListenerEvent>,
  routeOver: (client: SshClient) => Route,
  maxConnections?: number,
): OperatorFunction<SshClient, ForwardEvent> {
  return withClient((client) =>
    listenWith(client).pipe(forwardEach(routeOver(client), maxConnections)),
  );
}

/** A listener here is over when nothing can be led on. */
function listenLocal(client: SshClient, at: Endpoint): Observable<ListenerEvent> {
  const ended$ = client.closed$.pipe(switchMap((error) => throwError(() => error)));
  return merge(listenEndpoint(at), ended$);
}

function listenRemote(client: SshClient, at: Endpoint): Observable<ListenerEvent> {
  return new Observable((subscriber) => {
    const listening = (bound: Endpoint): void => subscriber.next({ type: 'listening', at: bound });
    return client
      .listen(at, { listening })
      .pipe(map((duplex): ListenerEvent => ({ type: 'connection', duplex })))
      .subscribe(subscriber);
  });
}

function withLoopback(at: ListenAt): Endpoint {
  return 'socketPath' in at ? at : { host: LOOPBACK, ...at };
}
