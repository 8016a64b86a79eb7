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
/** More than one colon: an address, with its zone perhaps; which ones there are, the system's resolver knows. */
const IPV6 = /^[0-9A-Fa-f:]*(?:\d+\.\d+\.\d+\.\d+)?(?:%[A-Za-z0-9_.-]+)?$/;
const USER = /^[^\s"'`$\\;&<>|(){}\u0000-\u001f\u007f-\u009f]+$/;

/**
 * Reads `[user@]host[:port]`, `[user@][address]:port` or `ssh://[user@]host[:port]`. An IPv6 address without a port may stand
 * without brackets. Throws `config` for what is none of these, and for whatever begins with a minus sign.
 *
 * @example `parseTarget('deploy@db1:2222')` is `{ user: 'deploy', host: 'db1', port: 2222 }`
 */
export function parseTarget(text: string): Target {
  const rest = text.startsWith('ssh://') ? text.slice('ssh://'.length).replace(/\/$/, '') : text;
  const at = rest.lastIndexOf('@');
  const user = at < 0 ? undefined : decodeUser(rest.slice(0, at), text);
  const { host, port } = hostAndPort(rest.slice(at + 1), text);
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

function decodeUser(user: string, shown: string): string {
  checkUser(user, shown);
  return user;
}

function hostAndPort(text: string, shown: string): { host: string; port?: number } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) {
    const [, host = '', digits] = bracketed;
    if (host.includes(':') && !IPV6.test(host)) throw badTarget(shown, 'is not a host name');
    return withPort(host, digits, shown);
  }
  const parts = text.split(':');
  if (parts.length > 2 && !IPV6.test(text)) throw badTarget(shown, 'is not a host name');
  if (parts.length !== 2) return { host: text };
  return withPort(parts[0] ?? '', parts[1], shown);
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
