/** WebSockets that are opened: the way from a page to a relay. */
import { Observable } from 'rxjs';
import { SshError, toError } from '../errors.ts';
import type { ByteDuplex } from './byte-duplex.ts';
import { after, timeoutError } from './deadline.ts';
import { webSocketDuplex, type WebSocketLike, type WebSocketOptions } from './web-socket-duplex.ts';

/** How a WebSocket is opened. */
export interface ConnectWebSocketOptions extends WebSocketOptions {
  /** Milliseconds for it to open; 20 000 by default, 0 is no limit. */
  readonly timeout?: number;
}

const OPEN = 1;
const DEFAULT_TIMEOUT = 20_000;

/**
 * Opens a WebSocket. Cold: emits one duplex when it is open, and stays open; unsubscribing closes it. Errors with `connect`,
 * `timeout` (phase `connect`), `config` for a URL that is none, `unsupported` where there are no WebSockets.
 *
 * @param open - a URL (`wss://…`), or what makes the socket: for subprotocols, or for `ws`
 *
 * @example
 * ```ts
 * connect({ duplex: connectWebSocket('wss://relay.example.org/db1'), host: 'db1', user, password });
 * ```
 */
export function connectWebSocket(
  open: string | (() => WebSocketLike),
  { timeout = DEFAULT_TIMEOUT, ...options }: ConnectWebSocketOptions = {},
): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    const late = (): void => subscriber.error(timeoutError('connect', timeout));
    const deadline = after(timeout, late, options.scheduler);
    subscriber.add(deadline);
    const socket = typeof open === 'string' ? newWebSocket(open) : made(open);
    let duplex: ByteDuplex | undefined;
    const opened = (): void => {
      if (subscriber.closed || duplex !== undefined) return;
      deadline.unsubscribe();
      duplex = webSocketDuplex(socket, options);
      subscriber.next(duplex);
    };
    if (socket.readyState === OPEN) opened();
    else socket.addEventListener('open', opened);
    // the reason is kept from pages, and `close` always follows
    socket.addEventListener('error', nothing);
    socket.addEventListener('close', () => {
      if (duplex === undefined) subscriber.error(notOpened(socket));
    });
    subscriber.add(() => {
      if (duplex === undefined) socket.close();
      else duplex.destroy();
    });
  });
}

type NewWebSocket = new (url: string) => WebSocketLike;

function newWebSocket(url: string): WebSocketLike {
  const { WebSocket } = globalThis as { readonly WebSocket?: NewWebSocket };
  if (WebSocket === undefined) {
    const message = 'there are no WebSockets here: give what makes one';
    throw new SshError('unsupported', message, { feature: 'WebSocket' });
  }
  try {
    return new WebSocket(url);
  } catch (error) {
    const message = `no WebSocket to ${url}: ${toError(error).message}`;
    throw new SshError('config', message, { option: 'url' }, { cause: error });
  }
}

function made(open: () => WebSocketLike): WebSocketLike {
  try {
    return open();
  } catch (error) {
    const message = `no WebSocket: ${toError(error).message}`;
    throw new SshError('config', message, { option: 'open' }, { cause: error });
  }
}

function notOpened({ url }: WebSocketLike): SshError<'connect'> {
  const at = endpointOf(url);
  const message = 'the WebSocket did not open';
  return new SshError('connect', `cannot connect to ${url}: ${message}`, {
    ...at,
    attempts: [{ address: at.host, port: at.port, message }],
  });
}

function endpointOf(url: string): { readonly host: string; readonly port: number } {
  // what is like a WebSocket may have a URL that is none
  if (!URL.canParse(url)) return { host: url, port: 0 };
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname, port: Number(port) || (protocol === 'wss:' ? 443 : 80) };
}

function nothing(): void {
  // `close` tells
}
