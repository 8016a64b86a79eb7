/** A session channel (RFC 4254 §6) as the handlers of a server see it, and the handlers themselves. */
import type { Observable, ObservableInput } from 'rxjs';
import type { ServerAuthenticated } from '../auth/server.ts';
import type { Channel } from '../channels/channel.ts';
import type { ChannelRequest } from '../channels/channel-options.ts';
import type { Verdict } from '../operators/take-verdict.ts';
import type { SshError } from '../errors.ts';
import type { WindowSize } from '../messages/channel-requests.ts';
import type { ByteStream, DuplexPeer } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import type { ServerConnection } from './connection.ts';
import type { ExitResult } from './exit-result.ts';
import type { Pty, X11Display } from './session-state.ts';

/** What a client has asked for on one session channel, and the way to it. */
export interface ServerSession {
  /** The connection that the channel belongs to. */
  readonly connection: ServerConnection;
  /** The name under which the client has logged in. */
  readonly user: string;
  /** The login with its method, key, and what the policy has added as `context`. */
  readonly login: ServerAuthenticated;
  /** What was asked for, or the exec of the command that the login's permissions force; `undefined` before anything was. */
  readonly kind: 'shell' | 'exec' | 'subsystem' | undefined;
  /**
   * The command of an exec (RFC 4254 §6.5) as text; bytes that are not UTF-8 are replaced by U+FFFD. A forced command stands here in
   * place of the client's, which is `SSH_ORIGINAL_COMMAND` of `env` then, as is the name of a subsystem.
   */
  readonly command: string | undefined;
  /** The command in its bytes. */
  readonly commandBytes: Uint8Array | undefined;
  /** The name of a subsystem. */
  readonly subsystem: string | undefined;
  /** The terminal, with its newest size; `undefined` when none was asked for or granted. */
  readonly pty: Pty | undefined;
  /** Variables that the client has set and `acceptEnv` allows, and those of the login's permissions. */
  readonly env: ReadonlyMap<string, string>;
  /** The display that the client offers and `x11` allows; see `openX11`. */
  readonly x11: X11Display | undefined;
  /** New sizes of the terminal (RFC 4254 §6.7). Hot: `pty` has the newest one. */
  readonly windowChange$: Observable<WindowSize>;
  /** Names of signals without `SIG` (RFC 4254 §6.9). Hot; those that come before the handler is subscribed to wait for it. */
  readonly signals$: Observable<string>;
  /**
   * Breaks (RFC 4335) by their length in milliseconds, 0 where the client leaves it open. Hot; those that come while nobody
   * listens are refused.
   */
  readonly breaks$: Observable<number>;
  /** Has the client offered its agent, and does `agent` allow it? */
  readonly hasAgent: boolean;
  /**
   * Connections to the client's agent (`auth-agent@openssh.com`). Cold: each subscription opens a channel, emits it, and closes it
   * when unsubscribed. Errors with `request-refused` unless the client has offered its agent and `agent` allows it, else like
   * `ServerConnection.openChannel`.
   *
   * @example
   * ```ts
   * shell: (session) => agentIdentities(session.agent$).pipe(…)
   * ```
   */
  readonly agent$: Observable<Channel>;
  /**
   * What the client sends, for one subscriber, with credit. Completes at the client's EOF, and when the exit was emitted; errors
   * with `released` when the client closes the channel without EOF, or with what ended the connection.
   */
  readonly stdin$: ByteStream;
  /**
   * Takes output for the client. EOF is not sent when a pump ends (`end` means nothing here): it belongs to stdout and stderr
   * together, see `endOutput`. A source that errors leaves the channel open: the error passes on to the handler, which tells
   * the client how it has ended. When the client does not read any more (eow@openssh.com), pumps error with `released`.
   */
  readonly stdout: ByteSink;
  /** Takes error output for the client (RFC 4254 §5.2). */
  readonly stderr: ByteSink;
  /** The channel under it: for requests and data of one's own. */
  readonly channel: Channel;
  /** Emits once when the channel is over: `undefined` after CLOSE both ways, else the error that ended it. Replayed. */
  readonly closed$: Observable<SshError | undefined>;
  /** Takes back a chunk of `stdin$` that nobody looks at any more: its memory is used again. */
  giveBack(chunk: Uint8Array): void;
  /** Says EOF to the client while the handler goes on (RFC 4254 §5.3). Without it, EOF is sent with the exit. */
  endOutput(): void;
  /**
   * Opens a connection to the client's display (RFC 4254 §6.3.2), over which X11 is spoken: whoever uses it has to send the
   * client's cookie. Cold, like `agent$`. Errors with `request-refused` unless the client has offered it and `x11` allows it, and
   * for a second one when the client wants a single connection.
   *
   * @param originator - for whom it is done: what the client may show
   */
  openX11(originator: DuplexPeer): Observable<Channel>;
}

/** Work that takes its time to begin; the client's request is not answered before. */
export interface DeferredWork {
  /**
   * Subscribed to at once. Emits the work when it has begun, which grants the request, and holds what the work stands on as long
   * as it is subscribed to: it is unsubscribed behind the work. An error or completion before refuses the request.
   */
  readonly started$: Observable<ObservableInput<ExitResult>>;
}

/**
 * Does the work of a session.
 *
 * 1. A throw refuses the request (CHANNEL_FAILURE). What is returned is subscribed to when the request was granted; so that it
 *    is granted later, or not at all, return a {@link DeferredWork}.
 * 2. The first value is the exit, whatever comes after it. `stdin$` completes then. What runs in pumps of this session may
 *    run to its end (or until their sources have been silent for `outputGrace`); then the exit, EOF and CLOSE are sent and the
 *    handler is unsubscribed.
 * 3. Completing without a value: EOF and CLOSE without an exit status.
 * 4. An error, or a value that is no {@link ExitResult}: exit status 255, and a `handler-error` event.
 * 5. Never emitting: the session lasts until the client ends it.
 * 6. It is unsubscribed as soon as the client closes the channel or the connection ends.
 */
export type SessionHandler = (session: ServerSession) => ObservableInput<ExitResult> | DeferredWork;

/** Does the work of an exec; see {@link SessionHandler}. */
export type ExecHandler = (
  session: ServerSession,
  command: string,
) => ObservableInput<ExitResult> | DeferredWork;

/** Answers a request that sessions do not know; see `ChannelOptions.onRequest`. */
export type SessionRequestHandler = (
  request: ChannelRequest,
  session: ServerSession,
) => Verdict<boolean>;

/** What sessions may do: whatever has no handler is refused. */
export interface SessionHandlers {
  /** Runs commands (RFC 4254 §6.5). */
  readonly exec?: ExecHandler;
  /** Runs a shell (RFC 4254 §6.5). */
  readonly shell?: SessionHandler;
  /** By name: `sftp`, … */
  readonly subsystems?: Readonly<Record<string, SessionHandler>>;
  /** Grants terminals; none unless said otherwise. */
  readonly pty?: boolean | ((pty: Pty, session: ServerSession) => boolean);
  /** Lets sessions use the client's agent (`auth-agent-req@openssh.com`); none unless said otherwise. */
  readonly agent?: boolean | ((session: ServerSession) => boolean);
  /** Lets sessions use the client's display (RFC 4254 §6.3.1); none unless said otherwise. */
  readonly x11?: boolean | ((display: X11Display, session: ServerSession) => boolean);
  /** Names of the variables that a client may set, with `*` and `?`; none unless said otherwise. */
  readonly acceptEnv?: readonly string[];
  /** Further channel requests, by type; their answers are sent in the order of the requests. */
  readonly requests?: Readonly<Record<string, SessionRequestHandler>>;
  /**
   * Milliseconds for which pumps may be silent once the exit is known, before it is sent without waiting for their end: a
   * process in the background that holds a pipe open must not hold the exit back. 1000 unless said otherwise.
   */
  readonly outputGrace?: number;
}
