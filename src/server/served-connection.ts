/** One client's connection from its first byte to its end: transport, login, channels. */
import { type Observable, ReplaySubject, Subject, Subscription, switchMap, throwError } from 'rxjs';
import { authenticateServer, type ServerAuthenticated } from '../auth/server.ts';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions } from '../channels/channel-options.ts';
import {
  type ChannelOpenAnswer,
  type ConnectionOptions,
  SshConnection,
} from '../channels/connection.ts';
import { endWhenIdle } from '../channels/idle.ts';
import { DEFAULT_KEEPALIVE, keepalive } from '../channels/keepalive.ts';
import { isSshError, SshError } from '../errors.ts';
import { DisconnectReason, OpenFailureReason } from '../messages/codes.ts';
import { HOST_KEYS_PROVE } from '../messages/host-keys.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import { after } from '../streams/deadline.ts';
import { asSshError } from '../streams/ending.ts';
import { openTransport, type SshTransport } from '../streams/transport.ts';
import type { TraceEvent } from '../streams/trace.ts';
import type { Handshake, TransportOptions } from '../streams/transport-options.ts';
import { type Counters, NO_TRAFFIC } from '../transport/direction.ts';
import type { ServerConnection } from './connection.ts';
import type { ConnectionEvent, ConnectionEventFacts } from './events.ts';
import { DEFAULT_ANSWER_TIMEOUT } from './forwarding.ts';
import { bound, DEFAULT_LOGIN_GRACE_TIME, type ServeOptions } from './options.ts';
import { permittedForwarding } from './permit.ts';
import { dialChannels } from './served-dials.ts';
import { proveHostKeys, tellHostKeys } from './served-host-keys.ts';
import { ServedListeners } from './served-listeners.ts';
import type { ForwardContext } from './served-ways.ts';
import type { ServerSession } from './session.ts';
import { SessionChannel } from './session-channel.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';

const DEFAULT_MAXIMUM_SESSIONS = 10;
const DEFAULT_DRAIN_TIMEOUT = 30_000;
const GOING_DOWN = 'the server is going down';

/** A connection at work. */
export class ServedConnection implements ServerConnection {
  readonly peer: DuplexPeer | undefined;
  readonly sessions$: Observable<ServerSession>;
  readonly keepalive$: Observable<number>;
  readonly rekeyed$: Observable<void>;
  readonly closed$: Observable<SshError | undefined>;
  readonly trace$: Observable<TraceEvent>;

  readonly #duplex: ByteDuplex;
  readonly #options: ServeOptions;
  readonly #emit: (event: ConnectionEvent) => void;
  readonly #sessions = new Subject<ServerSession>();
  readonly #keepalive = new Subject<number>();
  readonly #rekeyed = new Subject<void>();
  readonly #begun = new ReplaySubject<SshTransport>(1);
  readonly #closed = new ReplaySubject<SshError | undefined>(1);
  readonly #subscriptions = new Subscription();
  /** Listeners, and connections that lead somewhere else. */
  readonly #forwarded = new Subscription();
  #transport: SshTransport | undefined;
  #connection: SshConnection | undefined;
  #login: ServerAuthenticated | undefined;
  #sessionCount = 0;
  /** Answered, and not open yet. */
  #promisedSessions = 0;
  #takesSessions = true;
  #end: { readonly error: SshError } | undefined;
  #isOver = false;

  constructor(duplex: ByteDuplex, options: ServeOptions, emit: (event: ConnectionEvent) => void) {
    this.#duplex = duplex;
    this.#options = options;
    this.#emit = emit;
    // a socket forgets where it was connected to
    this.peer = duplex.peer;
    this.sessions$ = this.#sessions.asObservable();
    this.keepalive$ = this.#keepalive.asObservable();
    this.rekeyed$ = this.#rekeyed.asObservable();
    this.closed$ = this.#closed.asObservable();
    this.trace$ = this.#begun.pipe(switchMap(({ trace$ }) => trace$));
  }

  get handshake(): Handshake | undefined {
    return this.#transport?.handshake;
  }

  get counters(): Counters {
    return this.#transport?.counters ?? NO_TRAFFIC;
  }

  get login(): ServerAuthenticated | undefined {
    return this.#login;
  }

  get user(): string | undefined {
    return this.#login?.user;
  }

  /** Begins to serve. */
  start(options: TransportOptions): void {
    const began = (options.scheduler ?? steadyScheduler).now();
    this.#tell({ type: 'connection' });
    if (this.#isOver) return;
    this.#subscriptions.add(
      openTransport(this.#duplex, this.#traced(options)).subscribe({
        next: (transport) => this.#authenticate(transport, began),
        error: (error: unknown) => this.#ended(asSshError(error)),
      }),
    );
  }

  /** Lets go. */
  stop(): void {
    this.#forwarded.unsubscribe();
    this.#subscriptions.unsubscribe();
    this.#over(undefined);
  }

  rekey(): void {
    if (this.#login !== undefined) this.#transport?.rekey();
  }

  openChannel(type: string, payload?: Uint8Array, options?: ChannelOptions): Observable<Channel> {
    return this.#connection?.openChannel(type, payload, options) ?? throwError(notThere);
  }

  globalRequest(name: string, payload?: Uint8Array): Observable<Uint8Array> {
    return this.#connection?.globalRequests.request(name, payload) ?? throwError(notThere);
  }

  disconnect(description = ''): void {
    if (this.#transport === undefined) this.stop();
    else this.#transport.disconnect(DisconnectReason.BY_APPLICATION, description);
  }

  /** Comes to its end in good order; see `ServeOptions.drain`. */
  drain(): void {
    const { drainTimeout = DEFAULT_DRAIN_TIMEOUT } = this.#options;
    const [transport, connection] = [this.#transport, this.#connection];
    const leave = (): void => this.disconnect(GOING_DOWN);
    if (transport === undefined || connection === undefined || connection.channelCount === 0) {
      leave();
      return;
    }
    connection.refuseChannels(GOING_DOWN);
    this.#subscriptions.add(connection.unused$.subscribe(leave));
    this.#subscriptions.add(after(drainTimeout, leave, transport.scheduler));
  }

  #traced(options: TransportOptions): TransportOptions {
    const { trace } = this.#options;
    return trace === undefined ? options : { ...options, trace: (event) => trace(event, this) };
  }

  #authenticate(transport: SshTransport, began: number): void {
    this.#transport = transport;
    this.#begun.next(transport);
    this.#begun.complete();
    this.#subscriptions.add(transport.rekeyed$.subscribe(() => this.#rekeyed.next()));
    this.#tell({ type: 'handshake', handshake: transport.handshake });
    const { authenticate, authentication = {} } = this.#options;
    const { loginGraceTime = DEFAULT_LOGIN_GRACE_TIME } = authentication;
    const elapsed = transport.scheduler.now() - began;
    const left = loginGraceTime === 0 ? 0 : Math.max(1, loginGraceTime - elapsed);
    this.#subscriptions.add(
      authenticateServer(transport, {
        ...authentication,
        loginGraceTime: left,
        authenticate,
        attempted: (attempt) => this.#tell({ type: 'auth-attempt', attempt }),
      }).subscribe({
        // within this very turn: the next packet may be a channel's
        next: (login) => this.#serve(transport, login),
        error: (error: unknown) => transport.fail(asSshError(error)),
      }),
    );
  }

  #serve(transport: SshTransport, login: ServerAuthenticated): void {
    const connection = new SshConnection(transport, this.#connectionOptions(transport, login));
    this.#connection = connection;
    this.#login = login;
    tellHostKeys(connection.globalRequests, this.#options.hostKeys);
    this.#tell({ type: 'authenticated', login });
    const { idleTimeout = 0, unusedTimeout = 0 } = this.#options;
    this.#subscriptions.add(endWhenIdle(connection, { idleTimeout, unusedTimeout }));
    const options = { ...DEFAULT_KEEPALIVE, ...this.#options.keepalive };
    this.#subscriptions.add(
      keepalive(connection, options, transport.scheduler).subscribe((roundTrip) =>
        this.#keepalive.next(roundTrip),
      ),
    );
  }

  #connectionOptions(transport: SshTransport, login: ServerAuthenticated): ConnectionOptions {
    const { channels = {}, globalRequests = {}, channelTimeouts = {}, maxChannels } = this.#options;
    const forward = permittedForwarding(this.#options.forward ?? {}, login.permissions);
    const { dial, listen, answerTimeout = DEFAULT_ANSWER_TIMEOUT } = forward;
    const context: ForwardContext = {
      connection: this,
      life: this.#forwarded,
      answerTimeout,
      scheduler: transport.scheduler,
      emit: (event) => this.#tell(event),
    };
    const dials = dial === undefined ? {} : dialChannels(dial, context);
    const listeners =
      listen === undefined ? undefined : new ServedListeners(listen, forward, context);
    return {
      ...(maxChannels === undefined ? {} : { maxChannels }),
      channelTimeouts,
      channelFailed: (error) => this.#tell({ type: 'handler-error', error }),
      channels: {
        session: () => this.#answerSession(transport, login),
        ...dials,
        ...bound(channels, this),
      },
      globalRequests: {
        // OpenSSH PROTOCOL 2.2
        'no-more-sessions@openssh.com': () => {
          this.#takesSessions = false;
          return true;
        },
        [HOST_KEYS_PROVE]: proveHostKeys(this.#options.hostKeys, transport.handshake),
        ...listeners?.globalRequests,
        ...bound(globalRequests, this),
      },
    };
  }

  #answerSession(transport: SshTransport, login: ServerAuthenticated): ChannelOpenAnswer {
    const { maxSessions = DEFAULT_MAXIMUM_SESSIONS } = this.#options;
    if (!this.#takesSessions) return { accept: false, description: 'no more sessions' };
    if (this.#sessionCount + this.#promisedSessions >= maxSessions) {
      const reasonCode = OpenFailureReason.RESOURCE_SHORTAGE;
      return { accept: false, reasonCode, description: 'too many sessions' };
    }
    this.#promisedSessions++;
    let session: SessionChannel | undefined;
    return {
      accept: true,
      options: { onRequest: (request) => session?.receive(request) ?? false },
      opened: (channel) => {
        this.#promisedSessions--;
        this.#sessionCount++;
        session = new SessionChannel(channel, {
          transport,
          connection: this,
          login,
          handlers: this.#options,
          emit: (event) => this.#emit(event),
          closed: () => {
            this.#sessionCount--;
            transport.run(() => this.#overWithoutSessions());
          },
        });
        this.#tell({ type: 'session', session });
        this.#sessions.next(session);
        session.open();
      },
    };
  }

  /** The end waits behind the task that told of it, and behind the ends of the sessions. */
  #ended(error: SshError): void {
    this.#end = { error };
    this.#forwarded.unsubscribe();
    if (this.#transport === undefined) this.#over(error);
    else this.#transport.run(() => this.#overWithoutSessions());
  }

  #overWithoutSessions(): void {
    if (this.#end !== undefined && this.#sessionCount === 0) this.#over(this.#end.error);
  }

  #over(error: SshError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const fault = error !== undefined && isFault(error) ? error : undefined;
    this.#sessions.complete();
    this.#begun.complete();
    this.#keepalive.complete();
    this.#rekeyed.complete();
    outsideDelivery(() => {
      this.#closed.next(fault);
      this.#closed.complete();
    });
    this.#tell({ type: 'closed', ...(fault === undefined ? {} : { error: fault }) });
  }

  #tell(event: ConnectionEventFacts): void {
    outsideDelivery(() => this.#emit({ ...event, connection: this }));
  }
}

/** A DISCONNECT by the application, either side's, is how a connection is meant to end. */
function isFault(error: SshError): boolean {
  if (!isSshError(error, 'disconnect')) return true;
  return error.detail.by === 'peer' && error.detail.reasonCode !== DisconnectReason.BY_APPLICATION;
}

function notThere(): SshError<'released'> {
  return new SshError('released', 'no user is logged in', { what: 'connection' });
}
