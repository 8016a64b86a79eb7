/** The server's side of a session channel (RFC 4254 §6): answers requests, runs the handler, tells the exit. */
import {
  defer,
  type MonoTypeOperatorFunction,
  Observable,
  ReplaySubject,
  Subscription,
  takeUntil,
} from 'rxjs';
import type { ServerAuthenticated } from '../auth/server.ts';
import type { Channel } from '../channels/channel.ts';
import { refusedRequestError } from '../channels/channel-errors.ts';
import type { ChannelRequest } from '../channels/channel-options.ts';
import type { Verdict } from '../operators/take-verdict.ts';
import { type Exit, SshError } from '../errors.ts';
import { exitSignal, exitStatus, type WindowSize, x11 } from '../messages/channel-requests.ts';
import { isHeld, outsideDelivery } from '../operators/credit.ts';
import { lift } from '../operators/lift.ts';
import type { ByteStream, DuplexPeer } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import type { SshTransport } from '../streams/transport.ts';
import { weigh } from '../wire/ballast.ts';
import { utf8Text } from '../wire/bytes.ts';
import type { ServerConnection } from './connection.ts';
import type { ConnectionEvent } from './events.ts';
import type { ServerSession, SessionHandlers } from './session.ts';
import { SessionNotices } from './session-notices.ts';
import { SessionOutput } from './session-output.ts';
import {
  newSession,
  type Pty,
  readSessionRequest,
  type SessionEffect,
  type SessionEvent,
  sessionReducer,
  type SessionRules,
  type SessionStart,
  type SessionState,
  type X11Display,
} from './session-state.ts';
import { sessionRules } from './session-rules.ts';
import { SessionWork } from './session-work.ts';

/** What a session needs of its connection. */
export interface SessionContext {
  readonly transport: SshTransport;
  readonly connection: ServerConnection;
  readonly login: ServerAuthenticated;
  readonly handlers: SessionHandlers;
  emit(event: ConnectionEvent): void;
  /** The channel is over. */
  closed(): void;
}

const DEFAULT_OUTPUT_GRACE = 1000;

/** One session channel. */
export class SessionChannel implements ServerSession {
  readonly channel: Channel;
  readonly stdin$: ByteStream;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly windowChange$: Observable<WindowSize>;
  readonly signals$: Observable<string>;
  readonly breaks$: Observable<number>;
  readonly agent$: Observable<Channel>;
  readonly closed$: Observable<SshError | undefined>;

  readonly #context: SessionContext;
  readonly #output: SessionOutput;
  readonly #notices = new SessionNotices();
  readonly #finishing = new ReplaySubject<void>(1);
  readonly #work: SessionWork = new SessionWork({
    exit: (exit) => this.#settle(exit),
    failed: (error) => this.#failed(error),
  });
  readonly #lifetime = new Subscription();
  readonly #rules: SessionRules;
  #state: SessionState;
  #hasUsedX11 = false;
  #isOver = false;

  constructor(channel: Channel, context: SessionContext) {
    this.channel = channel;
    this.#context = context;
    this.#state = newSession(context.login.permissions);
    this.stdin$ = channel.stdout$.pipe(whole(channel), takeUntil(this.#finishing));
    const { outputGrace = DEFAULT_OUTPUT_GRACE } = context.handlers;
    this.#output = new SessionOutput(channel, context.transport.scheduler, outputGrace);
    this.#rules = sessionRules(context.handlers, this, (error) => this.#failed(error));
    this.stdout = this.#output.stdout;
    this.stderr = this.#output.stderr;
    this.windowChange$ = this.#notices.windowChange$;
    this.signals$ = this.#notices.signals$;
    this.breaks$ = this.#notices.breaks$;
    this.agent$ = this.#reach(() => this.hasAgent, 'auth-agent@openssh.com');
    this.closed$ = channel.closed$;
  }

  get connection(): ServerConnection {
    return this.#context.connection;
  }

  get login(): ServerAuthenticated {
    return this.#context.login;
  }

  get user(): string {
    return this.login.user;
  }

  get kind(): SessionStart['kind'] | undefined {
    return this.#state.start?.kind;
  }

  get command(): string | undefined {
    const bytes = this.commandBytes;
    return bytes === undefined ? undefined : utf8Text(bytes);
  }

  get commandBytes(): Uint8Array | undefined {
    const { start } = this.#state;
    return start?.kind === 'exec' ? start.command : undefined;
  }

  get subsystem(): string | undefined {
    const { start } = this.#state;
    return start?.kind === 'subsystem' ? start.name : undefined;
  }

  get hasAgent(): boolean {
    return this.#state.hasAgent;
  }

  get pty(): Pty | undefined {
    return this.#state.pty;
  }

  get env(): ReadonlyMap<string, string> {
    return this.#state.env;
  }

  get x11(): X11Display | undefined {
    return this.#state.x11;
  }

  /** Watches for the end of the channel. */
  open(): void {
    const { transport } = this.#context;
    this.#lifetime.add(
      this.channel.closed$.subscribe(() => {
        this.#isOver = true;
        this.#work.ignore();
        // pumps hear of it first: to let them go from in here would have the channel tell those who have left
        transport.run(() => this.#close());
      }),
    );
  }

  /** Answers a request of the client. */
  receive(request: ChannelRequest): Verdict<boolean> {
    const read = readSessionRequest(request.type, request.payload);
    if (read === undefined) return this.#askCustom(request);
    const effect = this.#dispatch(read);
    switch (effect.type) {
      case 'refuse':
        return false;
      case 'grant':
        return true;
      case 'start':
        return this.#start(effect.start);
      case 'resized':
        this.#notices.resized(effect.size);
        return true;
      case 'signal':
        this.#notices.signal(effect.name);
        return true;
      case 'break':
        return this.#notices.break(effect.length);
      case 'stop-output':
        this.#output.stop();
        return true;
    }
  }

  openX11({ address, port }: DuplexPeer): Observable<Channel> {
    const payload = x11.encode({ originatorAddress: address, originatorPort: port });
    return this.#reach(() => this.#takeX11(), 'x11', payload);
  }

  giveBack(chunk: Uint8Array): void {
    this.channel.giveBack(chunk);
  }

  endOutput(): void {
    this.#output.end();
  }

  #dispatch(event: SessionEvent): SessionEffect {
    const [state, effect] = sessionReducer(this.#state, event, this.#rules);
    this.#state = state;
    return effect;
  }

  #askCustom(request: ChannelRequest): Verdict<boolean> {
    const { requests = {} } = this.#context.handlers;
    const handler = Object.hasOwn(requests, request.type) ? requests[request.type] : undefined;
    return handler?.(request, this) ?? false;
  }

  /** A channel to something of the client's that it has offered. */
  #reach(isGranted: () => boolean, type: string, payload?: Uint8Array): Observable<Channel> {
    return defer(() => {
      if (this.#isOver || !isGranted()) throw refusedRequestError(type);
      return this.connection.openChannel(type, payload);
    });
  }

  #takeX11(): boolean {
    const { x11 } = this.#state;
    const isGranted = x11 !== undefined && !(x11.singleConnection && this.#hasUsedX11);
    this.#hasUsedX11 ||= isGranted;
    return isGranted;
  }

  #start(start: SessionStart): Verdict<boolean> {
    return new Observable((verdict) => {
      const refused = (): void => {
        this.#dispatch({ type: 'not-started' });
        verdict.next(false);
      };
      const granted = (work: Observable<unknown>): void => {
        this.#emit({ type: start.kind });
        // the reply is queued first: output must not come before it
        verdict.next(true);
        this.#context.transport.run(() => this.#run(work));
      };
      this.#work.begin(this.#context.handlers, { start, session: this }, { granted, refused });
    });
  }

  #run(work: Observable<unknown>): void {
    if (this.#isOver) return;
    this.#work.run(work);
    this.#notices.ready();
  }

  /** The exit is known: it is told when the pumps are done. */
  #settle(exit: Exit): void {
    outsideDelivery(() => this.#finishing.next());
    this.#output.whenDone(() => this.#context.transport.run(() => this.#finish(exit)));
  }

  #finish(exit: Exit): void {
    if (this.#isOver || !this.channel.isOpen) return;
    if (exit.kind === 'status') this.channel.notify('exit-status', exitStatus.encode(exit));
    else if (exit.kind === 'signal')
      this.channel.notify('exit-signal', exitSignal.encode({ ...exit, languageTag: '' }));
    this.channel.end();
    this.channel.destroy();
    this.#emit({ type: 'exit', exit });
    this.#work.letGo();
  }

  #close(): void {
    this.#output.close();
    this.#work.letGo();
    this.#notices.complete();
    this.#context.closed();
    this.#emit({ type: 'session-closed' });
  }

  #failed(error: unknown): void {
    this.#emit({ type: 'handler-error', error });
  }

  #emit(event: SessionEventFacts): void {
    this.#context.emit({ ...event, connection: this.connection, session: this });
  }
}

/** CLOSE without EOF is no end of the input: half of what a client meant to send must not look whole. */
function whole(channel: Channel): MonoTypeOperatorFunction<Uint8Array> {
  return lift((out) => ({
    next(data) {
      out.next(data);
      if (!isHeld()) weigh(data);
    },
    complete: () => {
      if (channel.hasEof) out.complete();
      else
        out.error(new SshError('released', 'the client closed without EOF', { what: 'channel' }));
    },
  }));
}

type SessionEventFacts =
  | { readonly type: 'shell' | 'exec' | 'subsystem' | 'session-closed' }
  | { readonly type: 'exit'; readonly exit: Exit }
  | { readonly type: 'handler-error'; readonly error: unknown };
