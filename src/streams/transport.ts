/**
 * The transport layer (RFC 4253) as a cold Observable: identification, key exchanges, and the end of a connection. What comes
 * after it (service, authentication, channels) subscribes to `upper$` and calls `send`.
 */
import { Observable, type SchedulerLike, Subject, type Subscriber, Subscription } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import { escapeText, protocolError, SshError } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { InboundMessage } from '../operators/decode.ts';
import type { Inspector } from '../operators/inspect.ts';
import { RunQueue } from '../operators/run-queue.ts';
import type { Phase } from '../transport/admission.ts';
import { DEFAULT_GROUP_EXCHANGE } from '../transport/group-exchange.ts';
import { type Identification, ownIdentification } from '../transport/identification.ts';
import type { KexStep } from '../transport/kex-state.ts';
import { isWornOut } from '../transport/rekey-policy.ts';
import { type Counters, countersOf, type Inbound, initialInbound } from '../transport/direction.ts';
import type { Role } from '../transport/role.ts';
import type { MessageRow } from '../wire/message.ts';
import type { ByteDuplex } from './byte-duplex.ts';
import { DuplexLife } from './duplex-life.ts';
import { asSshError, type Farewell, farewellFor, lossOf, releasedError } from './ending.ts';
import { type Handshake, HandshakeClock, handshakeOf } from './handshake.ts';
import { Incoming } from './incoming.ts';
import { KeyExchange } from './key-exchange.ts';
import type { KeyExchangeContext } from './key-exchange-context.ts';
import { Outgoing } from './outgoing.ts';
import { inboundMessages } from './packet-pipeline.ts';
import { traceHandshake, tracePacket, type TraceEvent, type Tracer } from './trace.ts';
import { TraceFeed } from './trace-feed.ts';
import { TransportDeadlines } from './transport-deadlines.ts';
import type { TransportOptions } from './transport-options.ts';
import { TransportMessages } from './transport-messages.ts';
import { TransportSubjects } from './transport-subjects.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';

/**
 * Runs the transport layer over a duplex.
 *
 * Emits the transport once, when the first key exchange is complete, and stays open; unsubscribing sends DISCONNECT
 * (BY_APPLICATION) and lets the duplex go. Errors with `protocol`, `disconnect`, `key-exchange`, `host-key`, `timeout`
 * (handshake, key exchange), `connection-lost`, `overflow` or `key-format`, and never completes by itself.
 */
export function openTransport(
  duplex: ByteDuplex,
  options: TransportOptions,
): Observable<SshTransport> {
  return new Observable((subscriber) => {
    const transport = new SshTransport(duplex, options, subscriber);
    subscriber.add(() => transport.release());
    transport.start();
  });
}

/** One connection's transport layer. */
export class SshTransport {
  /** Which end we are. */
  readonly role: Role;
  /** Where the cryptography comes from. */
  readonly provider: CryptoProvider;
  /** Where time comes from. */
  readonly scheduler: SchedulerLike;
  readonly #duplex: ByteDuplex;
  readonly #options: TransportOptions;
  readonly #queue = new RunQueue((thrown) => this.fail(asSshError(thrown)));
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #kex: KeyExchange;
  readonly #subjects = new TransportSubjects();
  readonly #trace: TraceFeed;
  readonly #received = new Subject<Uint8Array>();
  readonly #resources = new Subscription();
  readonly #life: DuplexLife;
  readonly #deadlines: TransportDeadlines;
  readonly #clock: HandshakeClock;
  readonly #subscriber: Subscriber<SshTransport>;
  readonly #own: Uint8Array;
  #peer: Identification | undefined;
  #handshake: Handshake | undefined;
  #ended: SshError | undefined;
  #isRekeyDue = false;

  /**
   * Messages of the layers above (numbers from 50), as they come, and UNIMPLEMENTED once they are channels (RFC 4253 §11.4); emitted
   * on the run queue. Completes when the connection ends.
   */
  readonly upper$: Observable<InboundMessage> = this.#subjects.upper.asObservable();
  /** Names in SERVICE_REQUEST (server) and SERVICE_ACCEPT (client) messages (RFC 4253 §10). */
  readonly service$: Observable<string> = this.#subjects.service.asObservable();
  /** Emits how the connection ended, once; replayed. */
  readonly closed$: Observable<SshError> = this.#subjects.closed.asObservable();
  /** Emits when new keys are in use. */
  readonly rekeyed$: Observable<void> = this.#subjects.rekeyed.asObservable();

  constructor(duplex: ByteDuplex, options: TransportOptions, subscriber: Subscriber<SshTransport>) {
    this.role = options.role;
    this.provider = options.provider;
    this.scheduler = options.scheduler ?? steadyScheduler;
    this.#trace = new TraceFeed(options.trace);
    this.#duplex = duplex;
    this.#options = options;
    this.#subscriber = subscriber;
    this.#own = ownIdentification(options.software);
    this.#life = new DuplexLife(duplex, this.scheduler);
    this.#clock = new HandshakeClock(this.scheduler);
    this.#deadlines = new TransportDeadlines(options, this.scheduler, {
      late: (error) => this.fail(error),
      aged: () => this.rekey(),
    });
    // what is worn out seals no more data: one task may send half a MiB before the KEXINIT that waits behind it
    this.#outgoing = new Outgoing(duplex, this.#queue, {
      isWornOut: () => isWornOut(options.rekey, this.#outgoing.cell, this.#outgoing.cell.sealer),
      inspector: () => this.trace && this.#traceSent,
    });
    const inbound = initialInbound(this.#outgoing.cell.login);
    this.#kex = new KeyExchange(this.#keyExchangeContext(inbound));
    const messages = new TransportMessages(this, this.#kex, this.#subjects);
    this.#incoming = new Incoming(this.role, messages, inbound);
  }

  /** What happens on the wire and around it, from now on; completes at the end. Costs nothing while nobody is subscribed. */
  get trace$(): Observable<TraceEvent> {
    return this.#trace.events$;
  }

  /** Receives trace events; `undefined` while nobody listens. */
  get trace(): Tracer | undefined {
    return this.#trace.tell;
  }

  /** The facts of the handshake. */
  get handshake(): Handshake {
    if (this.#handshake === undefined) throw protocolError('no handshake yet');
    return this.#handshake;
  }

  /** Where the other end is, when the duplex knows. */
  get peer(): ByteDuplex['peer'] {
    return this.#duplex.peer;
  }

  /** What the peer said in EXT_INFO (RFC 8308): name → value. */
  get extensions(): ReadonlyMap<string, Uint8Array> {
    return this.#incoming.extensions;
  }

  /** How the connection ended; `undefined` while it lives. */
  get ended(): SshError | undefined {
    return this.#ended;
  }

  /** May bulk data be sent now? Control messages may always. */
  get isWritable(): boolean {
    return this.#ended === undefined && this.#outgoing.isWritable;
  }

  /** Does the inbound gate wait for a verdict on keys? Deadlines of the layers above rest while it does. */
  get isGateClosed(): boolean {
    return !this.#incoming.cell.gate.isOpen;
  }

  /** What has passed so far, either way; whatever arrives is a sign of life. */
  get counters(): Counters {
    return countersOf(this.#incoming.cell, this.#outgoing.cell);
  }

  /** Begins: identification and KEXINIT leave at once (RFC 4253 §4.2, §7.1). */
  start(): void {
    this.#deadlines.begin();
    this.run(() => {
      this.#resources.add(this.#outgoing.start(this.provider, this.#own));
      this.#resources.add(this.#receive());
      this.#kex.start();
    });
    this.#life.start(
      (chunk) => this.#received.next(chunk),
      (cause) => this.#lost(cause),
    );
  }

  /** Runs a task on the connection's queue; what it throws ends the connection. */
  run(task: () => void): void {
    this.#queue.run(task);
  }

  /** Sends a message; on a connection that has ended it does nothing. */
  send(message: Message): void {
    if (this.#ended !== undefined) return;
    this.#outgoing.send(message);
    this.#rekeyWhenWornOut();
  }

  /** Calls back once when bulk data may be sent again. */
  whenWritable(resume: () => void): void {
    this.#outgoing.whenWritable(resume);
  }

  /** Goes over to the next phase: what the peer may send from now on. */
  enterPhase(phase: Phase, rows: readonly MessageRow[]): void {
    this.#incoming.enterPhase(phase, rows);
    if (phase === 'connection' && this.#isRekeyDue) this.rekey();
  }

  /** A SERVICE_REQUEST (server) or SERVICE_ACCEPT (client) may come now, once. */
  expectService(): void {
    this.#incoming.expectService();
  }

  /** Asks for new keys: now, or behind the login, for OpenSSH's server does not understand it earlier. */
  rekey(): void {
    this.#isRekeyDue = this.#incoming.phase !== 'connection';
    if (this.#isRekeyDue) return;
    this.run(() => {
      if (this.#ended === undefined) this.#kex.start();
    });
  }

  /** Says DISCONNECT and lets the duplex go; `closed$` then tells of a `disconnect` by us. */
  disconnect(reasonCode: number = DisconnectReason.BY_APPLICATION, description = ''): void {
    const detail = { reasonCode, description, by: 'us' } as const;
    this.#end(new SshError('disconnect', 'disconnected by us', detail), {
      reasonCode,
      description,
    });
  }

  /** Says DISCONNECT because nobody is subscribed any more; whoever still uses what was emitted is told the mistake. */
  release(): void {
    this.#end(releasedError(), { reasonCode: DisconnectReason.BY_APPLICATION, description: '' });
  }

  /** Ends the connection with an error; the peer is told the reason where there is one to tell. */
  fail(error: SshError): void {
    this.#end(error, farewellFor(error));
  }

  #receive(): Subscription {
    const context = {
      role: this.role,
      inbound: this.#incoming.cell,
      queue: this.#queue,
      identified: (identification: Identification) => {
        this.#peer = identification;
        this.#clock.identified();
        this.trace?.({ type: 'identification', line: escapeText(identification.text) });
      },
      tableFor: (number: number, sequenceNumber: number) =>
        this.#incoming.tableFor(number, sequenceNumber),
    };
    return inboundMessages(this.#received, context).subscribe({
      next: (inbound) => this.#dispatch(inbound),
      error: (error: unknown) => this.fail(asSshError(error)),
    });
  }

  /** Guarded like an operator: what a handler throws is the end of the connection, never an uncaught exception. */
  #dispatch(inbound: InboundMessage): void {
    if (this.#ended !== undefined) return;
    const { sequenceNumber, message, number, payload } = inbound;
    tracePacket(this.trace, 'in', sequenceNumber, message?.type ?? String(number), payload);
    try {
      this.#incoming.dispatch(inbound);
    } catch (thrown) {
      this.fail(asSshError(thrown));
    }
    this.#rekeyWhenWornOut();
  }

  #keyExchangeContext(inbound: Inbound): KeyExchangeContext {
    const { role, provider, proposal, hostKeys = [], verifyHostKey, extensions } = this.#options;
    const { groupExchange = DEFAULT_GROUP_EXCHANGE } = this.#options;
    return {
      transport: this,
      role,
      provider,
      proposal,
      groupExchange,
      hostKeys,
      inbound,
      outbound: this.#outgoing.cell,
      // nobody to ask is a refusal: the executor turns an empty answer into one
      verifyHostKey: verifyHostKey ?? (() => []),
      identifications: () => ({ own: this.#own, peer: this.#peer?.bytes ?? new Uint8Array(0) }),
      beforeRelease: (initial) => {
        if (!initial || extensions === undefined || !this.#kex.state.peerTakesExtInfo) return;
        this.send({ type: 'EXT_INFO', extensions });
      },
      stepped: (step) => this.#kexStepped(step),
      completed: (initial) => this.#kexCompleted(initial),
    };
  }

  #kexStepped(step: KexStep): void {
    this.trace?.({ type: 'key-exchange', state: step });
    if (this.#ended === undefined) this.#deadlines.stepped(step, this.#kex.state.initial);
  }

  #kexCompleted(initial: boolean): void {
    const { sessionId, algorithms, hostKey, state } = this.#kex;
    if (sessionId === undefined || algorithms === undefined) return;
    this.#deadlines.settled();
    if (initial) this.#clock.keyed();
    this.#handshake = handshakeOf({
      own: this.#own,
      peer: this.#peer,
      sessionId,
      algorithms,
      hostKey,
      strict: state.strict,
      timings: this.#clock.timings,
    });
    traceHandshake(this.trace, this.#handshake);
    if (initial) this.#subscriber.next(this);
    else this.#subjects.rekeyed.next();
    this.#outgoing.resumeWriters();
  }

  readonly #traceSent: Inspector = (payload, sequenceNumber) =>
    tracePacket(this.trace, 'out', sequenceNumber, payload.title, payload.view());

  #rekeyWhenWornOut(): void {
    const { step, initial } = this.#kex.state;
    if (initial || step !== 'idle') return;
    const { rekey } = this.#options;
    const [out, into] = [this.#outgoing.cell, this.#incoming.cell];
    if (isWornOut(rekey, out, out.sealer) || isWornOut(rekey, into, into.opener)) this.rekey();
  }

  #lost(cause: unknown): void {
    if (this.#ended !== undefined) this.#life.destroy();
    else this.run(() => this.fail(lossOf(cause, this.#peer)));
  }

  #end(error: SshError, farewell?: Farewell): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#deadlines.stop();
    this.#kex.stop();
    // behind the task that is running: what it has gathered leaves first
    this.run(() => this.#release(error, farewell));
  }

  #release(error: SshError, farewell: Farewell | undefined): void {
    const isHeard = farewell !== undefined && this.#peer !== undefined;
    this.#outgoing.finish(
      isHeard ? { type: 'DISCONNECT', ...farewell, languageTag: '' } : undefined,
    );
    this.#resources.unsubscribe();
    if (error.kind === 'connection-lost') this.#life.destroy();
    else this.#life.end();
    this.#trace.end(error);
    this.#subjects.end(error);
    // last of all: the layers above hear of the end first, and may know better what it means
    if (!this.#subscriber.closed) outsideDelivery(() => this.#subscriber.error(error));
  }
}
