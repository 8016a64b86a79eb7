/** Who may be forwarded where, written as in sshd_config's PermitOpen and PermitListen. */
import { SshError } from '../errors.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';
import { type EndpointPattern, readEndpointPattern } from '../keys/endpoint-patterns.ts';
import type { Permissions } from '../keys/permissions.ts';
import type { ForwardHandlers } from './forwarding.ts';

/** Judges endpoints. */
export type EndpointPermit = (endpoint: Endpoint) => boolean;

/**
 * Permits what one of the patterns names: `db1:5432`, `127.0.0.1:*`, `*:443`, `[::1]:22`, `*:*`, or the path of a unix socket. Hosts are
 * compared as clients write them, whatever they stand for: a policy that has to know the address looks at the one that
 * `nodeDial` tells. Throws `config` for what is no pattern.
 *
 * @example `nodeDial({ permit: permitEndpoints('db.internal:5432', '/run/app.sock') })`
 */
export function permitEndpoints(...patterns: readonly string[]): EndpointPermit {
  const read = patterns.map((text) => {
    const pattern = readEndpointPattern(text);
    if (pattern !== undefined) return pattern;
    const problem = `${JSON.stringify(text)} is not HOST:PORT, where each may be *, nor a path`;
    throw new SshError('config', problem, { option: 'permit' });
  });
  return (endpoint) => read.some((pattern) => isNamed(endpoint, pattern));
}

function isNamed(endpoint: Endpoint, pattern: EndpointPattern): boolean {
  if ('socketPath' in endpoint || 'socketPath' in pattern) {
    return (
      'socketPath' in endpoint &&
      'socketPath' in pattern &&
      endpoint.socketPath === pattern.socketPath
    );
  }
  return (
    (pattern.host === '*' || pattern.host === endpoint.host.toLowerCase()) &&
    (pattern.port === undefined || pattern.port === endpoint.port)
  );
}

/** The handlers for one login: what its permissions take away is refused before a handler is asked. */
export function permittedForwarding(
  { dial, listen, ...limits }: ForwardHandlers,
  { portForwarding, permitOpen, permitListen }: Permissions,
): ForwardHandlers {
  if (portForwarding === false) return limits;
  const mayDial = permitOpen === undefined ? undefined : permitEndpoints(...permitOpen);
  const mayListen = permitListen === undefined ? undefined : permitEndpoints(...permitListen);
  return {
    ...limits,
    ...(dial === undefined
      ? {}
      : {
          dial: (request, connection) =>
            mayDial?.(request.to) !== false && dial(request, connection),
        }),
    ...(listen === undefined
      ? {}
      : {
          listen: (request, connection) =>
            mayListen?.(request.at) !== false && listen(request, connection),
        }),
  };
}
