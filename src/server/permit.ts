/** Who may be forwarded where, written as in sshd_config's PermitOpen and PermitListen. */
import { SshError } from '../errors.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';

/** Judges endpoints. */
export type EndpointPermit = (endpoint: Endpoint) => boolean;

interface Pattern {
  readonly host: string;
  /** `undefined` is any. */
  readonly port: number | undefined;
}

/**
 * Permits what one of the patterns names: `db1:5432`, `127.0.0.1:*`, `*:443`, `[::1]:22`, `*:*`, or the path of a unix socket. Hosts are
 * compared as clients write them, whatever they stand for: a policy that has to know the address looks at the one that
 * `nodeDial` tells. Throws `config` for what is no pattern.
 *
 * @example `nodeDial({ permit: permitEndpoints('db.internal:5432', '/run/app.sock') })`
 */
export function permitEndpoints(...patterns: readonly string[]): EndpointPermit {
  const paths = new Set(patterns.filter((pattern) => pattern.startsWith('/')));
  const ports = patterns.filter((pattern) => !pattern.startsWith('/')).map(readPattern);
  return (endpoint) => {
    if ('socketPath' in endpoint) return paths.has(endpoint.socketPath);
    const host = endpoint.host.toLowerCase();
    return ports.some(
      (each) =>
        (each.host === '*' || each.host === host) &&
        (each.port === undefined || each.port === endpoint.port),
    );
  };
}

function readPattern(pattern: string): Pattern {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\*|\d{1,5})$/.exec(pattern);
  const [, bracketed, plain = '', port = ''] = match ?? [];
  if (match === null || Number(port) > 65_535) {
    const text = `${JSON.stringify(pattern)} is not HOST:PORT, where each may be *, nor a path`;
    throw new SshError('config', text, { option: 'permit' });
  }
  const host = (bracketed ?? plain).toLowerCase();
  return { host, port: port === '*' ? undefined : Number(port) };
}
