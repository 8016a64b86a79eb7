/**
 * The relay: WebSockets in front, TCP behind. All that goes through it is encrypted from the page to the SSH server, so it knows where
 * to, when and how much, and nothing else. It connects to what its list allows, for pages of its own origin.
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { connectTcp, splice, type TcpEndpoint, webSocketDuplex } from 'rxssh';
import { EMPTY, fromEvent, mergeMap, Observable, switchMap, catchError } from 'rxjs';
import { type WebSocket, WebSocketServer } from 'ws';

const CONNECT_TIMEOUT = 10_000;
/** A WebSocket takes at most 123 bytes of a reason. */
const MAX_REASON = 100;
const NOT_REACHED = 4001;

/** Relays `/relay/HOST:PORT` of an HTTP server, for each target that is allowed. Never emits; unsubscribing ends all. */
export function relay(server: Server, allowed: readonly TcpEndpoint[]): Observable<never> {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const upgrade$ = fromEvent(server, 'upgrade') as Observable<[IncomingMessage, Duplex, Buffer]>;
  return upgrade$.pipe(
    mergeMap(([request, socket, head]) => {
      const target = allowed.find(({ host, port }) => request.url === `/relay/${host}:${port}`);
      if (target === undefined || !isOwnPage(request)) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return EMPTY;
      }
      return new Observable<WebSocket>((out) => {
        // whoever has gone in the middle of it is not accepted any more
        socket.once('close', () => out.complete());
        sockets.handleUpgrade(request, socket, head, (accepted) => out.next(accepted));
      }).pipe(switchMap((accepted) => carry(accepted, target)));
    }),
  );
}

/** Both ways, each at the pace of the slower side. */
function carry(socket: WebSocket, target: TcpEndpoint): Observable<never> {
  const page = webSocketDuplex(socket);
  return connectTcp({ ...target, timeout: CONNECT_TIMEOUT }).pipe(
    switchMap((server) => splice(page, server)),
    catchError((error: unknown) => {
      socket.close(NOT_REACHED, String(error).slice(0, MAX_REASON));
      return EMPTY;
    }),
  );
}

/** A page of another site may open WebSockets to us as well; its browser says whose it is. */
function isOwnPage({ headers }: IncomingMessage): boolean {
  return headers.origin === `http://${headers.host ?? ''}`;
}
