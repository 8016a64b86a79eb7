/** TCP ports that listen, and sockets that were accepted as byte duplexes. */
import { createServer, type Server, type Socket } from 'node:net';
import { Observable } from 'rxjs';
import { giveBack } from '../wire/give-back-node.ts';
import type { ByteDuplex, DuplexPeer } from './byte-duplex.ts';
import { StreamDuplex } from './node-duplex-node.ts';
import { checkPort, connectError, failed } from './tcp-node.ts';

/** What a listener tells: where it listens, then who has come. */
export type ListenEvent =
  | { readonly type: 'listening'; readonly address: string; readonly port: number }
  | { readonly type: 'connection'; readonly duplex: ByteDuplex };

/**
 * Listens for TCP connections. Emits `listening` once it is bound and `connection` for each that comes, and never completes;
 * unsubscribing closes the listener, not what it has accepted. Errors with `connect` when the address cannot be bound and with
 * `config` for a port that is none; a connection that cannot be accepted is no error of the listener.
 */
export function listenTcp(options: {
  readonly host?: string;
  readonly port: number;
}): Observable<ListenEvent> {
  const host = options.host ?? '127.0.0.1';
  return new Observable((subscriber) => {
    checkPort(options.port);
    const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      if (subscriber.closed) socket.destroy();
      else subscriber.next({ type: 'connection', duplex: acceptedDuplex(socket) });
    });
    server.on('error', (error) => {
      // out of file descriptors, or the peer has gone again: the next one may fare better
      if (server.listening || subscriber.closed) return;
      const target = { host, port: options.port };
      subscriber.error(connectError(target, [failed(target, host, error)], 'listen on'));
    });
    server.listen({ host, port: options.port }, () => {
      const bound = server.address();
      if (bound === null || typeof bound === 'string') return;
      subscriber.next({ type: 'listening', address: bound.address, port: bound.port });
    });
    return () => server.close();
  });
}

/**
 * Sockets that were accepted cannot read into a buffer of ours: Node takes `onread` only when it connects. Their chunks are as
 * much borrowed, though, and each is freed when it was delivered.
 */
export function acceptedDuplex(socket: Socket): ByteDuplex {
  socket.pause();
  return new StreamDuplex(socket, {
    isBorrowed: true,
    copies: false,
    gathers: true,
    peer: peerOf(socket),
    attach: (receive) => {
      const received = (chunk: Uint8Array): void => {
        receive(chunk);
        giveBack(chunk);
      };
      socket.on('data', received);
      return () => socket.off('data', received);
    },
  });
}

/** A unix socket's has no address, and a socket that has broken has none any more. */
function peerOf({
  remoteAddress,
  remotePort,
  localAddress,
  localPort,
}: Socket): DuplexPeer | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const peer = { address: remoteAddress, port: remotePort };
  if (localAddress === undefined || localPort === undefined) return peer;
  return { ...peer, local: { address: localAddress, port: localPort } };
}
