/** A connection with a logged-in user: what `connect` emits. */
import {
  defer,
  firstValueFrom,
  ignoreElements,
  map,
  merge,
  type Observable,
  ReplaySubject,
  Subject,
  switchMap,
  take,
  takeUntil,
  throwError,
} from 'rxjs';
import type { Authenticated } from '../auth/client.ts';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions } from '../channels/channel-options.ts';
import { SshConnection } from '../channels/connection.ts';
import { DEFAULT_KEEPALIVE, keepalive } from '../channels/keepalive.ts';
import { SshError } from '../errors.ts';
import { dialFrom } from '../forwarding/dial.ts';
import type { Endpoint } from '../forwarding/endpoint.ts';
import { type RemoteListenOptions, RemoteListeners } from '../forwarding/remote-listeners.ts';
import type { PublicKey } from '../keys/public-key.ts';
import { HOST_KEYS } from '../messages/host-keys.ts';
import type { SftpOptions } from '../sftp/client/open-sftp.ts';
import type { Path } from '../sftp/file-name.ts';
import type { SftpClient } from '../sftp/client/sftp-client.ts';
import type { LocalFiles } from '../sftp/transfer/local-files.ts';
import type { TransferProgress } from '../sftp/transfer/transfer-options.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import type { SshTransport } from '../streams/transport.ts';
import type { TraceEvent } from '../streams/trace.ts';
import type { Handshake } from '../streams/transport-options.ts';
import type { Counters } from '../transport/direction.ts';
import type { ClientParts, ConnectTimings } from './client-parts.ts';
import { announcedHostKeys, proveHostKeys, receiveHostKeys } from './host-key-updates.ts';
import { type ExecEvent, type ExecOptions, runCommand } from './exec.ts';
import type { CommandResult } from './output-operators.ts';
import type { Command } from './quote.ts';
import { type RunOptions, runToEnd } from './run.ts';
import { openSession, type SessionChannel } from './session.ts';
import { startSftp } from './sftp.ts';
import { type ShellOptions, startShell } from './shell.ts';
import { type ClientTransferOptions, getFiles, putFiles } from './transfer.ts';

/** What fits into every packet (RFC 4253 §6.1), with room for its head. */
const MAX_IGNORED = 32 * 1024;

/**
 * A logged-in connection. It lives as long as the subscription to `connect` that emitted it; used afterwards, every operation
 * errors with what ended the connection.
 */
export class SshClient {
  /** The name that was connected to. */
  readonly host: string;
  /** The user that was logged in. */
  readonly user: string;
  /** How the login went: the method that succeeded and what was tried before. */
  readonly login: Authenticated;
  /** Algorithms, identifications, host key and session identifier. */
  readonly handshake: Handshake;
  /** How long it took to get here. */
  readonly timings: ConnectTimings;
  /**
   * What the server had to say before the login, as it came: escape it before it is shown. Replayed; completes. The option `banner`
   * of `connect` also hears it when the login fails.
   */
  readonly banner$: Observable<string>;
  /** Emits how the connection ended, once. Replayed. */
  readonly closed$: Observable<SshError>;
  /**
   * Round-trip times in milliseconds, as the keepalive measures them. Not replayed; completes with the connection (how that has
   * ended, `closed$` tells).
   */
  readonly keepalive$: Observable<number>;
  /** Emits when new keys are in use. Not replayed; completes with the connection. */
  readonly rekeyed$: Observable<void>;
  /**
   * The host keys that the server says are its own (OpenSSH PROTOCOL 2.5): not proven, see `proveHostKeys`. The last ones are
   * replayed; completes with the connection. Errors with `protocol` for what is no list of keys.
   */
  readonly hostKeys$: Observable<readonly PublicKey[]>;
  /** Channels and global requests, for what has no method of its own. */
  readonly connection: SshConnection;
  readonly #transport: SshTransport;
  readonly #listeners = new RemoteListeners();
  readonly #localFiles: LocalFiles | undefined;

  constructor(parts: ClientParts) {
    const { transport, login, host, connection, keepalive: options, banner$, localFiles } = parts;
    this.host = host;
    this.user = login.user;
    this.login = login;
    this.handshake = transport.handshake;
    this.timings = parts.timings;
    this.banner$ = banner$;
    this.closed$ = transport.closed$;
    this.rekeyed$ = transport.rekeyed$;
    this.#transport = transport;
    this.#localFiles = localFiles;
    const channels = { ...this.#listeners.channels, ...connection.channels };
    const hostKeys = new ReplaySubject<Uint8Array>(1);
    this.hostKeys$ = hostKeys
      .asObservable()
      .pipe(map(announcedHostKeys), takeUntil(transport.closed$));
    const globalRequests = {
      [HOST_KEYS]: receiveHostKeys(transport, hostKeys),
      ...connection.globalRequests,
    };
    this.connection = new SshConnection(transport, { ...connection, channels, globalRequests });
    const roundTrips = new Subject<number>();
    this.keepalive$ = roundTrips.asObservable();
    const keepaliveOptions = { ...DEFAULT_KEEPALIVE, ...options };
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it runs whether anybody looks or not, and ends with the connection
    keepalive(this.connection, keepaliveOptions, transport.scheduler).subscribe(roundTrips);
  }

  /** Where the server is, when the duplex knows. */
  get peer(): ByteDuplex['peer'] {
    return this.#transport.peer;
  }

  /** What happens from now on, secrets left out. Hot; completes with the connection. The option `trace` hears it from the first byte. */
  get trace$(): Observable<TraceEvent> {
    return this.#transport.trace$;
  }

  /** The server's host key, which was verified. */
  get serverKey(): PublicKey | undefined {
    return this.handshake.hostKey?.key;
  }

  /** Packets and bytes so far, either way: a snapshot. */
  get counters(): Counters {
    return this.#transport.counters;
  }

  /** Has the connection ended? */
  get isClosed(): boolean {
    return this.#transport.ended !== undefined;
  }

  /**
   * Runs a command. Cold: each subscription runs it. Emits stdout and stderr as they arrive and the exit last; see
   * {@link ExecOptions} for stdin, environment, terminal, and what unsubscribing does. Errors with `channel-open`,
   * `request-refused`, `timeout`, `config`, or what ended the connection.
   */
  exec(command: Command, options: ExecOptions = {}): Observable<ExecEvent> {
    return runCommand(this.connection, command, options);
  }

  /** Runs a command and collects what comes of it; rejects with an `SshError`, `aborted` when the signal fires. */
  run(command: Command, options: RunOptions = {}): Promise<CommandResult> {
    return runToEnd(this.connection, command, options);
  }

  /**
   * Starts the user's shell, on a terminal unless said otherwise (RFC 4254 §6.2, §6.5). Cold: emits the session once the shell runs,
   * and completes when it is closed; unsubscribing closes it. Errors with `channel-open`, `request-refused`, `timeout`, or what ended
   * the connection.
   *
   * @example
   * ```ts
   * client.shell({ pty: { term: 'xterm', columns: 120, rows: 40 } }).subscribe((shell) => {
   *   shell.stdout$.subscribe((bytes) => screen.write(bytes));
   *   shell.stdin.pump(keys$).subscribe();
   * });
   * ```
   */
  shell(options: ShellOptions = {}): Observable<SessionChannel> {
    return startShell(this.connection, options);
  }

  /** Opens a session channel, for a subsystem or a dialogue of your own. Closed on unsubscribing. */
  session(options: ChannelOptions = {}): Observable<SessionChannel> {
    return openSession(this.connection, options);
  }

  /**
   * Starts SFTP. Cold: emits one client and stays open; unsubscribing ends it. Errors with `channel-open`, `request-refused` when
   * the server has no SFTP, `protocol` when something else answers, `timeout`, or what ended the connection.
   *
   * @example
   * ```ts
   * client.sftp().pipe(withClient((fs) => fs.read('/etc/hostname')));
   * ```
   */
  sftp(options: SftpOptions = {}): Observable<SftpClient> {
    const localFiles = this.#localFiles;
    return startSftp(this.connection, {
      ...(localFiles === undefined ? {} : { localFiles }),
      ...options,
    });
  }

  /**
   * Has the server connect to a host and port, as it knows them, or to a unix socket there (RFC 4254 §7.2). Cold: emits the
   * connection as a duplex and completes when it is closed; unsubscribing closes it. Errors with `channel-open` when the server
   * does not let us or cannot, `timeout`, `config`, or what ended the connection.
   *
   * @example
   * ```ts
   * connect({ host: 'db1', duplex: bastion$.pipe(withClient((bastion) => bastion.dial('db1', 22))) });
   * ```
   */
  dial(host: string, port: number): Observable<ByteDuplex>;
  /** The same; `originator` is for whom it is done, which the server may log. */
  dial(to: Endpoint, originator?: DuplexPeer): Observable<ByteDuplex>;
  dial(to: string | Endpoint, more?: number | DuplexPeer): Observable<ByteDuplex> {
    if (typeof to !== 'string') return dialFrom(this.connection, to, more as DuplexPeer);
    return dialFrom(this.connection, { host: to, port: more as number });
  }

  /**
   * Has the server listen on an address and port, or on a unix socket there (RFC 4254 §7.1). Cold: emits each connection that comes, with
   * its `peer` as the server tells it; whoever takes a connection owns it, and destroys it at the end. Never completes; unsubscribing
   * takes the port back. Errors with `request-refused` when the server does not let us, `config`, or what ended the connection.
   *
   * @param host - address to listen on: `127.0.0.1`, `localhost`, or the empty string for all; many servers only allow their loopback
   * @param port - 0 is any free port: the option `listening` is told which
   *
   * @example
   * ```ts
   * client.listen('127.0.0.1', 8080).subscribe((duplex) => serve(duplex, options).subscribe());
   * ```
   */
  listen(host: string, port: number, options?: RemoteListenOptions): Observable<ByteDuplex>;
  /** The same, for a unix socket too. */
  listen(at: Endpoint, options?: RemoteListenOptions): Observable<ByteDuplex>;
  listen(
    at: string | Endpoint,
    second: number | RemoteListenOptions = {},
    third: RemoteListenOptions = {},
  ): Observable<ByteDuplex> {
    const isByName = typeof at === 'string';
    const endpoint = isByName ? { host: at, port: second as number } : at;
    const options = isByName ? third : (second as RemoteListenOptions);
    return this.#listeners.listen(this.connection, endpoint, options);
  }

  /**
   * Gets a file or a tree in an SFTP session of its own: see `SftpClient.get`. From a server without SFTP it is got with scp's own
   * protocol, and the events say so (`protocol`): `resume`, `filter`, `symlinks` and `concurrency` are not scp's.
   *
   * @example
   * ```ts
   * db1$.pipe(withClient((client) => client.get('/var/log/app.log', 'app.log')));
   * ```
   */
  get(
    remote: Path,
    local: string,
    options: ClientTransferOptions = {},
  ): Observable<TransferProgress> {
    const ends = { connection: this.connection, localFiles: this.#localFiles };
    return getFiles(ends, remote, local, options);
  }

  /**
   * Puts a file or a tree in an SFTP session of its own: see `SftpClient.put`. To a server without SFTP it is put with scp's own
   * protocol, which knows no temporary names: a file is written in place.
   */
  put(
    local: string,
    remote: Path,
    options: ClientTransferOptions = {},
  ): Observable<TransferProgress> {
    const ends = { connection: this.connection, localFiles: this.#localFiles };
    return putFiles(ends, local, remote, options);
  }

  /** Opens a channel of any type (RFC 4254 §5.1). Closed on unsubscribing. */
  openChannel(type: string, payload?: Uint8Array, options?: ChannelOptions): Observable<Channel> {
    return this.connection.openChannel(type, payload, options);
  }

  /** Sends a global request (RFC 4254 §4). Emits the reply's payload; errors with `request-refused`. */
  globalRequest(name: string, payload?: Uint8Array): Observable<Uint8Array> {
    return this.connection.globalRequests.request(name, payload);
  }

  /**
   * Sends bytes that the server passes over (RFC 4253 §11.2). Who sends faster than it reads ends the connection with `overflow`. Throws
   * `config` for more than 32 KiB.
   */
  sendIgnore(data: Uint8Array = new Uint8Array(0)): void {
    if (data.length > MAX_IGNORED)
      throw new SshError('config', 'more than 32 KiB to ignore', { option: 'data' });
    // behind what is going on: whoever is told of NEWKEYS must not get between them and the new keys
    this.#transport.run(() => this.#transport.send({ type: 'IGNORE', data }));
  }

  /**
   * Has the server prove that it holds keys, such as those of `hostKeys$`. Cold: emits them once every proof has verified, and
   * completes. Errors with `request-refused`, `protocol`, `host-key` for a proof that does not verify, or what ended the
   * connection.
   *
   * @example
   * ```ts
   * client.hostKeys$.pipe(take(1), switchMap((keys) => client.proveHostKeys(keys))).subscribe(save);
   * ```
   */
  proveHostKeys(keys: readonly PublicKey[]): Observable<readonly PublicKey[]> {
    return proveHostKeys(this.connection.globalRequests, this.handshake, keys);
  }

  /** Tells the server to let nobody open sessions from now on, whoever may get hold of the connection (OpenSSH PROTOCOL 2.2). */
  noMoreSessions(): void {
    this.connection.globalRequests.notify('no-more-sessions@openssh.com');
  }

  /** Asks for new keys. Completes when they are in use; errors with what ended the connection. */
  rekey(): Observable<never> {
    return defer(() => {
      this.#transport.rekey();
      const ended$ = this.closed$.pipe(switchMap((error) => throwError(() => error)));
      return merge(this.rekeyed$, ended$).pipe(take(1), ignoreElements());
    });
  }

  /** Says goodbye: the connection ends for everyone who uses it. */
  disconnect(): void {
    this.#transport.disconnect();
  }

  /** Disconnects at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await firstValueFrom(this.closed$);
  }
}
