/** What clients may have forwarded (RFC 4254 §7, OpenSSH PROTOCOL 2.4), and who decides. */
import type { ObservableInput } from 'rxjs';
import type { Endpoint } from '../forwarding/endpoint.ts';
import type { ListenerEvent } from '../forwarding/forward.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import type { ServerConnection } from './connection.ts';

/** A client wants to be connected to somewhere (`direct-tcpip`, `direct-streamlocal@openssh.com`). */
export interface DialRequest {
  /** Where to, as the client has said it. */
  readonly to: Endpoint;
  /** For whom, as the client says; nothing vouches for it. */
  readonly originator: DuplexPeer | undefined;
}

/** A client wants us to listen (`tcpip-forward`, `streamlocal-forward@openssh.com`). */
export interface ListenRequest {
  /** Where, as the client has said it: the empty host is every address, port 0 any port. */
  readonly at: Endpoint;
}

/**
 * Connects a client to where it wants.
 *
 * 1. `false`, a throw, and completing without a value refuse it (ADMINISTRATIVELY_PROHIBITED).
 * 2. The first duplex is joined with the client's channel; the source stays subscribed until both are over, and is
 *    unsubscribed then, and when the connection ends.
 * 3. An error refuses it: CONNECT_FAILED for `connect` and `timeout`, else ADMINISTRATIVELY_PROHIBITED. The client is not told
 *    more.
 */
export type DialHandler = (
  request: DialRequest,
  connection: ServerConnection,
) => ObservableInput<ByteDuplex> | false;

/**
 * Listens for a client.
 *
 * 1. `false`, a throw, and an error or a completion before `listening` refuse it.
 * 2. Behind `listening`, each `connection` is offered to the client on a channel of its own.
 * 3. It is unsubscribed when the client takes its request back, and when the connection ends.
 */
export type ListenHandler = (
  request: ListenRequest,
  connection: ServerConnection,
) => ObservableInput<ListenerEvent> | false;

/** Milliseconds that a handler may take to answer. */
export const DEFAULT_ANSWER_TIMEOUT = 30_000;

/** What clients may have forwarded: whatever has no handler is refused. */
export interface ForwardHandlers {
  /** Connects clients to where they want; see `nodeDial`. */
  readonly dial?: DialHandler;
  /** Listens for clients; see `nodeListen`. */
  readonly listen?: ListenHandler;
  /**
   * Milliseconds that a handler may take to its first duplex, or to `listening`; 30 000 unless said otherwise, 0 is no limit. Then
   * it is unsubscribed and the client refused.
   */
  readonly answerTimeout?: number;
  /** Listeners at a time that one connection may have; 10 unless said otherwise. */
  readonly maxListeners?: number;
  /** Connections at a time that have come to the listeners of one connection; 256 unless said otherwise, those beyond are closed. */
  readonly maxForwarded?: number;
}
