/** Unix sockets that listen. */
import { createServer } from 'node:net';
import { Observable } from 'rxjs';
import type { ByteDuplex } from './byte-duplex.ts';
import { acceptedDuplex } from './listen-tcp-node.ts';
import { connectError, failed } from './tcp-node.ts';

/** What a unix socket that listens tells: that it does, then who has come. */
export type ListenUnixEvent =
  | { readonly type: 'listening'; readonly socketPath: string }
  | { readonly type: 'connection'; readonly duplex: ByteDuplex };

/** Nobody but the owner connects, as with OpenSSH's StreamLocalBindMask. */
const MASK = 0o177;

/**
 * Listens on a unix socket, which only its owner may connect to. Emits `listening` once it is there and `connection` for each that
 * comes, and never completes; unsubscribing closes and removes the socket, not what it has accepted. Errors with `connect` when it
 * cannot be made: a file that is there already is left alone.
 */
export function listenUnix(socketPath: string): Observable<ListenUnixEvent> {
  return new Observable((subscriber) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      if (subscriber.closed) socket.destroy();
      else subscriber.next({ type: 'connection', duplex: acceptedDuplex(socket) });
    });
    server.on('error', (error) => {
      // out of file descriptors, or the peer has gone again: the next one may fare better
      if (server.listening || subscriber.closed) return;
      const target = { host: socketPath, port: 0 };
      subscriber.error(connectError(target, [failed(target, socketPath, error)], 'listen on'));
    });
    masked(() => server.listen({ path: socketPath }));
    server.once('listening', () => subscriber.next({ type: 'listening', socketPath }));
    return () => server.close();
  });
}

/** The socket is bound within this turn. A worker cannot change the mask, and has that of its process. */
function masked(bind: () => void): void {
  let before: number | undefined;
  try {
    before = process.umask(MASK);
  } catch {
    before = undefined;
  }
  try {
    bind();
  } finally {
    if (before !== undefined) process.umask(before);
  }
}
