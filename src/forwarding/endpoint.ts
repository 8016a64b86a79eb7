/** Where connections come in, and where they go to. */
import { NUMBER, TEXT } from '../auth/option-kinds.ts';
import { escapeText, SshError } from '../errors.ts';

/** A TCP port. */
export interface TcpEndpoint {
  /** Name or address. */
  readonly host: string;
  /** 0, where something listens, is any free port. */
  readonly port: number;
}

/** A unix socket. */
export interface UnixEndpoint {
  /** Path of the socket. */
  readonly socketPath: string;
}

/** A TCP port or a unix socket. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

/** Longest name of the domain name system. */
const MAX_HOST = 255;
const HOST = /^[\x21-\x7e]+$/;

/** Is it text that can be the name of a host, or an address? */
export function isHost(text: string): boolean {
  return text.length <= MAX_HOST && HOST.test(text);
}

/** Throws `config` for what nothing can be connected to. */
export function checkTarget(endpoint: Endpoint): void {
  checkBound(endpoint);
  if ('port' in endpoint && (endpoint.port === 0 || !isHost(endpoint.host)))
    throw badEndpoint(endpoint);
}

/** Throws `config` for where nothing can listen. The empty host is every address (RFC 4254 §7.1). */
export function checkBound(endpoint: Endpoint): void {
  checkShape(endpoint);
  const isFine =
    'port' in endpoint
      ? Number.isInteger(endpoint.port) && endpoint.port >= 0 && endpoint.port <= 65_535
      : endpoint.socketPath !== '' && !endpoint.socketPath.includes('\0');
  if (!isFine || ('port' in endpoint && endpoint.host !== '' && !isHost(endpoint.host)))
    throw badEndpoint(endpoint);
}

/** For who writes without types. */
function checkShape(endpoint: Endpoint): void {
  const { host, port, socketPath }: Readonly<Record<string, unknown>> = { ...endpoint };
  const isTcp = NUMBER.fits(port) && TEXT.fits(host);
  if (isTcp || (port === undefined && TEXT.fits(socketPath))) return;
  const message = 'an endpoint is { host, port }, or { socketPath }';
  throw new SshError('config', message, { option: 'endpoint' });
}

/** The endpoint as it is written: `127.0.0.1:80`, `[::1]:80`, `/run/db.sock`. Control characters are escaped. */
export function endpointText(endpoint: Endpoint): string {
  if ('socketPath' in endpoint) return escapeText(endpoint.socketPath);
  const { host, port } = endpoint;
  return `${host.includes(':') ? `[${escapeText(host)}]` : escapeText(host)}:${String(port)}`;
}

/** The same text for the same endpoint, and for no other. */
export function endpointKey(endpoint: Endpoint): string {
  return 'port' in endpoint
    ? `tcp ${endpoint.host} ${String(endpoint.port)}`
    : `unix ${endpoint.socketPath}`;
}

function badEndpoint(endpoint: Endpoint): SshError<'config'> {
  const text = `${JSON.stringify(endpointText(endpoint))} is neither host and port nor a unix socket`;
  return new SshError('config', text, { option: 'endpoint' });
}
