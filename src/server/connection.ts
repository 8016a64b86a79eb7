/** One client's connection as a server sees it. */
import type { Observable } from 'rxjs';
import type { ServerAuthenticated } from '../auth/server.ts';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions } from '../channels/channel-options.ts';
import type { SshError } from '../errors.ts';
import type { DuplexPeer } from '../streams/byte-duplex.ts';
import type { TraceEvent } from '../streams/trace.ts';
import type { Handshake } from '../streams/transport-options.ts';
import type { Counters } from '../transport/direction.ts';
import type { ServerSession } from './session.ts';

/** The connection of one client. */
export interface ServerConnection {
  /** Where it comes from, when the duplex knows. */
  readonly peer: DuplexPeer | undefined;
  /** Identifications, algorithms and session id; `undefined` before the first key exchange is complete. */
  readonly handshake: Handshake | undefined;
  /** Packets and bytes so far, either way: a snapshot. */
  readonly counters: Counters;
  /** What happens on the wire and around it, secrets left out. Hot; completes with the connection. The option `trace` hears it all. */
  readonly trace$: Observable<TraceEvent>;
  /** The login; `undefined` before it has succeeded. */
  readonly login: ServerAuthenticated | undefined;
  /** The user's name; `undefined` before the login has succeeded. */
  readonly user: string | undefined;
  /** Session channels as they are opened. Hot. */
  readonly sessions$: Observable<ServerSession>;
  /** Round-trip times in milliseconds. Hot; completes with the connection. */
  readonly keepalive$: Observable<number>;
  /** Emits when new keys are in use. Hot. */
  readonly rekeyed$: Observable<void>;
  /** Emits once when the connection is over: `undefined` when it ended in good order, else the error. Replayed. */
  readonly closed$: Observable<SshError | undefined>;
  /** Asks for new keys now (RFC 4253 §9); before the login it does nothing. */
  rekey(): void;
  /**
   * Opens a channel to the client (RFC 4254 §5.1), as for forwarded connections. Cold; see `SshConnection.openChannel`. Errors
   * with `released` when no user is logged in or the connection is over.
   */
  openChannel(type: string, payload?: Uint8Array, options?: ChannelOptions): Observable<Channel>;
  /** Sends a global request (RFC 4254 §4). Cold: emits the reply's payload; errors with `request-refused` or `released`. */
  globalRequest(name: string, payload?: Uint8Array): Observable<Uint8Array>;
  /** Says DISCONNECT (RFC 4253 §11.1) and lets go; `description` is for the client to show. */
  disconnect(description?: string): void;
}
