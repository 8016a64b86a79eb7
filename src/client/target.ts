/** Names of hosts as people write them. */
import { SshError } from '../errors.ts';

/** Where to connect to, as far as a name says it. */
export interface Target {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** What no host name, address or alias holds, and what a shell, a config file or a terminal would look into. */
const HOST = /^[A-Za-z0-9_.:%-]+$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const GROUP = /^[0-9A-Fa-f]{1,4}$/;
const USER = /^[^\s"'`$\\;&<>|(){}\u0000-\u001f\u007f-\u009f]+$/;

const URI = 'ssh://';

/**
 * Reads `[user@]host[:port]`, `[user@][address]:port` or `ssh://[user@]host[:port]`. An IPv6 address without a port may stand
 * without brackets; the user of a URI may have escapes (`%40`), and parameters behind `;`, which are passed over as `ssh` does.
 * Throws `config` for what is none of these, and for whatever begins with a minus sign.
 *
 * @example `parseTarget('deploy@db1:2222')` is `{ user: 'deploy', host: 'db1', port: 2222 }`
 */
export function parseTarget(text: string): Target {
  const isUri = text.startsWith(URI);
  const rest = isUri ? text.slice(URI.length).replace(/\/$/, '') : text;
  const at = rest.lastIndexOf('@');
  const user = at < 0 ? undefined : userOf(rest.slice(0, at), isUri, text);
  const place = rest.slice(at + 1);
  if (place.includes('/'))
    throw badTarget(text, isUri ? 'has a path behind the host' : 'is not a host name');
  const { host, port } = hostAndPort(place, text);
  checkHost(host, text);
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  };
}

/** A host name or address that is safe to use. Throws `config`. */
export function checkHost(host: string, shown: string = host): void {
  if (host === '' || host.startsWith('-') || !HOST.test(host))
    throw badTarget(shown, 'is not a host name');
}

/** A user name that is safe to use. Throws `config`. */
export function checkUser(user: string, shown: string = user): void {
  if (user === '' || user.startsWith('-') || !USER.test(user))
    throw badTarget(shown, 'has a user name that is not allowed');
}

/** A TCP port from 1 to 65535. Throws `config`. */
export function checkPort(port: number, shown: string): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw badTarget(shown, 'has a port that is none');
}

function userOf(text: string, isUri: boolean, shown: string): string {
  const user = isUri ? percentDecoded(text.replace(/;.*$/s, '')) : text;
  checkUser(user, shown);
  return user;
}

/** Nothing, which is no name, for escapes that are none. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function hostAndPort(text: string, shown: string): { host: string; port?: number } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const [, host = '', digits] = bracketed;
    if (host.includes(':') && !isIpv6(host)) throw badTarget(shown, 'is not a host name');
    return withPort(host, digits, shown);
  }
  const parts = text.split(':');
  if (parts.length > 2 && !isIpv6(text)) throw badTarget(shown, 'is not a host name');
  if (parts.length !== 2) return { host: text };
  return withPort(parts[0] ?? '', parts[1], shown);
}

/** What has more than one colon is an address (RFC 4291 §2.2), with its zone perhaps. */
function isIpv6(text: string): boolean {
  const [address = ''] = text.split('%');
  const halves = address.split('::');
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const hasIpv4 = IPV4.test(last);
  const isWellFormed = (hasIpv4 ? groups.slice(0, -1) : groups).every((group) => GROUP.test(group));
  const length = groups.length + (hasIpv4 ? 1 : 0);
  return isWellFormed && (halves.length === 1 ? length === 8 : halves.length === 2 && length < 8);
}

function withPort(
  host: string,
  digits: string | undefined,
  shown: string,
): { host: string; port?: number } {
  if (digits === undefined) return { host };
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  checkPort(port, shown);
  return { host, port };
}

function badTarget(text: string, problem: string): SshError<'config'> {
  return new SshError('config', `${JSON.stringify(text)} ${problem}`, { option: 'host' });
}
