/** What a server tells about its connections. Events are values: a peer never makes the stream of them error. */
import type { AuthReport } from '../auth/policy.ts';
import type { ServerAuthenticated } from '../auth/server.ts';
import type { Exit, SshError } from '../errors.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';
import type { ForwardedConnection } from '../forwarding/forward.ts';
import type { DuplexPeer } from '../streams/byte-duplex.ts';
import type { Handshake } from '../streams/transport-options.ts';
import type { ServerConnection } from './connection.ts';
import type { ServerSession } from './session.ts';

/** An event of one connection, in the order in which a connection can have them. */
export type ConnectionEvent =
  /** Somebody is there; nothing was said yet. */
  | { readonly type: 'connection'; readonly connection: ServerConnection }
  /** The first key exchange is complete. */
  | {
      readonly type: 'handshake';
      readonly connection: ServerConnection;
      readonly handshake: Handshake;
    }
  /** A try to log in has come to something, or to nothing: for logs, and for what watches them. At most `maxRequests` of a connection. */
  | {
      readonly type: 'auth-attempt';
      readonly connection: ServerConnection;
      readonly attempt: AuthReport;
    }
  /** A user has logged in. */
  | {
      readonly type: 'authenticated';
      readonly connection: ServerConnection;
      readonly login: ServerAuthenticated;
    }
  /** A session channel was opened. */
  | {
      readonly type: 'session';
      readonly connection: ServerConnection;
      readonly session: ServerSession;
    }
  /** A handler has taken on what was asked for; what it is, the session says. */
  | {
      readonly type: 'shell' | 'exec' | 'subsystem';
      readonly connection: ServerConnection;
      readonly session: ServerSession;
    }
  /** The exit was told to the client; `missing` when there was none to tell. */
  | {
      readonly type: 'exit';
      readonly connection: ServerConnection;
      readonly session: ServerSession;
      readonly exit: Exit;
    }
  /** A handler has thrown, errored, or emitted what is no exit; a session's, or without one that of a channel of another type. */
  | {
      readonly type: 'handler-error';
      readonly connection: ServerConnection;
      readonly session?: ServerSession;
      readonly error: unknown;
    }
  /** A session channel is over. */
  | {
      readonly type: 'session-closed';
      readonly connection: ServerConnection;
      readonly session: ServerSession;
    }
  /** A connection of the client to somewhere else, or one that has come to a listener of its, is led on. */
  | {
      readonly type: 'forward-opened';
      readonly connection: ServerConnection;
      readonly forwarded: ForwardedConnection;
    }
  /** It is over, with `error` unless both sides have ended; its counters tell what went through. */
  | {
      readonly type: 'forward-closed';
      readonly connection: ServerConnection;
      readonly forwarded: ForwardedConnection;
      readonly error?: SshError;
    }
  /** We listen for the client, or do no more. */
  | {
      readonly type: 'listener-opened' | 'listener-closed';
      readonly connection: ServerConnection;
      readonly at: Endpoint;
    }
  /** The connection is over; with `error` unless it ended in good order. The last event of each connection. */
  | {
      readonly type: 'closed';
      readonly connection: ServerConnection;
      readonly error?: SshError;
    };

/** An event without the connection that all of them have. */
export type ConnectionEventFacts = WithoutConnection<ConnectionEvent>;

/** What forwarding has to tell. */
export type ForwardEventFacts = Extract<
  ConnectionEventFacts,
  { readonly type: `forward-${string}` | `listener-${string}` }
>;

type WithoutConnection<E> = E extends ConnectionEvent ? Omit<E, 'connection'> : never;

/** An event of a server. */
export type ServerEvent =
  | ConnectionEvent
  /** `listen` is bound; the first event there. */
  | { readonly type: 'listening'; readonly address: string; readonly port: number }
  /** `listen` takes nobody new any more; see `drain`. */
  | { readonly type: 'draining'; readonly connections: number }
  /** `listen` has turned a connection away because of a limit. */
  | {
      readonly type: 'refused';
      readonly peer: DuplexPeer | undefined;
      readonly limit: ListenLimit;
    };

/** Why `listen` turns a connection away: the name of the option. */
export type ListenLimit = 'maxConnections' | 'maxStartups' | 'maxPerSource' | 'penalties';
