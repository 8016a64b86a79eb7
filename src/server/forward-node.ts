/** Forwarding by this machine: it connects, and listens, for clients that may have it. */
import { catchError, defer, type Observable, throwError } from 'rxjs';
import { SshError } from '../errors.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';
import { connectEndpoint, listenEndpoint } from '../forwarding/endpoints-node.ts';
import { isConsent } from '../operators/take-verdict.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { parseIpAddress } from '../wire/ip-address.ts';
import type { ServerConnection } from './connection.ts';
import type { DialHandler, ListenHandler } from './forwarding.ts';

/** How this machine connects for clients. */
export interface NodeDialOptions {
  /**
   * Judges each address that a host stands for, with the endpoint as the client has written it; `address` is `undefined` for a unix
   * socket, and the plain IPv4 address for one that is mapped into IPv6. Only addresses that it has permitted are connected to, so a name that changes its meaning gains nothing.
   */
  readonly permit: (
    to: Endpoint,
    address: string | undefined,
    connection: ServerConnection,
  ) => boolean;
  /** Milliseconds for a connection to be made; 20 000 unless said otherwise. */
  readonly timeout?: number;
}

/** How this machine listens for clients. */
export interface NodeListenOptions {
  /** Judges where a client wants us to listen, as it has written it. */
  readonly permit: (at: Endpoint, connection: ServerConnection) => boolean;
  /**
   * sshd_config's GatewayPorts. `no`: whatever the client asks for is bound to loopback, so that only this machine can
   * connect; the default. `yes`: to all addresses. `clientspecified`: the client chooses the address.
   */
  readonly gatewayPorts?: GatewayPorts;
}

/** Who may connect to what listens for a client (sshd_config's GatewayPorts). */
export type GatewayPorts = 'no' | 'yes' | 'clientspecified';

/** Node binds both families for it. */
const ALL = '::';

/** The address to bind instead of the one that the client has asked for. */
const HOST: Readonly<Record<GatewayPorts, (asked: string) => string>> = {
  no: (asked) => (asked === '::1' ? '::1' : '127.0.0.1'),
  yes: () => ALL,
  // RFC 4254 §7.1: the empty address is all of them
  clientspecified: (asked) => (asked === '' || asked === '*' ? ALL : asked),
};

/**
 * Connects clients from this machine: TCP and unix sockets, for `forward.dial` of `serve` and `listen`.
 *
 * @example
 * ```ts
 * listen({ …, forward: { dial: nodeDial({ permit: permitEndpoints('127.0.0.1:*') }) } });
 * ```
 */
export function nodeDial({ permit, timeout }: NodeDialOptions): DialHandler {
  return ({ to }, connection) => {
    if ('socketPath' in to)
      return isConsent(permit(to, undefined, connection)) && connectEndpoint(to);
    const options = timeout === undefined ? {} : { timeout };
    return defer((): Observable<ByteDuplex> => {
      let isAnyPermitted = false;
      let isAnyRefused = false;
      const judge = (address: string): boolean => {
        const isPermitted = isConsent(permit(to, plainAddress(address), connection));
        isAnyPermitted ||= isPermitted;
        isAnyRefused ||= !isPermitted;
        return isPermitted;
      };
      return connectEndpoint(to, { permit: judge, ...options }).pipe(
        catchError((error: unknown) =>
          throwError(() => (isAnyRefused && !isAnyPermitted ? notPermitted() : error)),
        ),
      );
    });
  };
}

/**
 * Listens for clients on this machine: TCP and unix sockets, for `forward.listen` of `serve` and `listen`. A unix socket may only
 * be connected to by the user whom this process runs as.
 */
export function nodeListen({ permit, gatewayPorts = 'no' }: NodeListenOptions): ListenHandler {
  return ({ at }, connection) =>
    isConsent(permit(at, connection)) &&
    listenEndpoint('socketPath' in at ? at : { host: HOST[gatewayPorts](at.host), port: at.port });
}

/** An IPv4 address that is mapped into IPv6 leads to where the plain one does: no policy shall have to know that. */
function plainAddress(address: string): string {
  const bytes = parseIpAddress(address);
  return bytes?.length === 4 ? bytes.join('.') : address;
}

function notPermitted(): SshError<'request-refused'> {
  return new SshError('request-refused', 'not permitted', { request: 'direct-tcpip' });
}
