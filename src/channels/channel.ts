/**
 * One channel (RFC 4254 §5), the same for both roles: data in and out under its windows, requests with replies in order, and
 * an end that waits behind the data. A channel is a byte duplex, so a connection can run over it.
 */
import { map, type Observable, ReplaySubject, type SchedulerLike } from 'rxjs';
import { protocolError, type SshError } from '../errors.ts';
import { ExtendedDataType } from '../messages/codes.ts';
import type { ChannelMessage } from '../messages/connection.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { ByteDuplex, ByteStream } from '../streams/byte-duplex.ts';
import type { ByteSink } from '../streams/byte-sink.ts';
import type { SshTransport } from '../streams/transport.ts';
import {
  type ChannelEffect,
  type ChannelEvent,
  channelReducer,
  type ChannelState,
} from './channel-state.ts';
import { channelOpenError, closedChannelError } from './channel-errors.ts';
import { type ChannelOptions, checkChannelOptions } from './channel-options.ts';
import type { ChannelOutput } from './backlog.ts';
import { DEFAULT_BUDGET, Inbox } from './inbox.ts';
import { KEEPALIVE_REQUEST } from './names.ts';
import { Outbox } from './outbox.ts';
import { ChannelRequests } from './channel-requests.ts';
import { freePacketOf } from './packet-memory.ts';
import { MAXIMUM_PACKET, processWindowBudget, ReceiveWindow } from './window.ts';

/** What a channel needs of its connection. */
export interface ChannelContext {
  readonly transport: SshTransport;
  readonly scheduler: SchedulerLike;
  /** Shortest round trip that was seen, in milliseconds; 0 where none was. */
  roundTrip(): number;
  /** A round trip is not longer than this, in milliseconds. */
  boundRoundTrip(milliseconds: number): void;
  /** The number is free again. */
  freed(channel: Channel): void;
}

/** A channel of an SSH connection. */
export class Channel implements ByteDuplex {
  /** RFC 4254 §4.9.1: `session`, `direct-tcpip`, … */
  readonly type: string;
  /** Our number: what the peer calls the recipient channel. */
  readonly number: number;
  /** Data of the peer, for one subscriber; waits for it. Completes at EOF. */
  readonly stdout$: ByteStream;
  /** Extended data of type 1 (RFC 4254 §5.2), for one subscriber. */
  readonly stderr$: ByteStream;
  /** stdout and stderr in the order of arrival; instead of the two. */
  readonly output$: Observable<ChannelOutput>;
  /** Takes data for the peer. */
  readonly stdin: ByteSink;
  /** Takes data for the peer's stderr. */
  readonly stderr: ByteSink;
  /** Emits once when the channel is over: `undefined` after CLOSE both ways, else the error that ended it. Replayed. */
  readonly closed$: Observable<SshError | undefined>;

  readonly #context: ChannelContext;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #window: ReceiveWindow;
  readonly #closed = new ReplaySubject<SshError | undefined>(1);
  readonly #requests: ChannelRequests;
  #state: ChannelState;
  #recipientChannel = 0;
  #wasOpen = false;
  #isGrantScheduled = false;
  #lastReceived: number;
  #endedWith: SshError | undefined;
  #opened: ((error: SshError | undefined) => void) | undefined;

  /** @internal */
  constructor(
    type: string,
    number: number,
    state: ChannelState,
    context: ChannelContext,
    options: ChannelOptions,
  ) {
    checkChannelOptions(options);
    this.type = type;
    this.number = number;
    this.#state = state;
    this.#context = context;
    this.#lastReceived = context.scheduler.now();
    this.#window = new ReceiveWindow(options.window ?? processWindowBudget.firstWindow);
    this.#outbox = new Outbox(context.transport);
    this.#requests = new ChannelRequests(context.transport, options.onRequest, {
      recipientChannel: () => (this.isOpen ? this.#recipientChannel : undefined),
      whyClosed: () => this.#goneError(),
    });
    this.#inbox = new Inbox({
      budget: options.budget ?? DEFAULT_BUDGET,
      unclaimedStderr: options.stderr ?? 'discard',
      scheduler: context.scheduler,
      consumed: (length) => this.#consume(length),
      run: (task) => context.transport.run(task),
    });
    this.stdout$ = this.#inbox.stdout$;
    this.stderr$ = this.#inbox.stderr$;
    this.output$ = this.#inbox.output$;
    this.closed$ = this.#closed.asObservable();
    this.stdin = this.#sink(undefined);
    this.stderr = this.#sink(ExtendedDataType.STDERR);
  }

  /** What arrives, by the name that a duplex has for it. */
  get readable$(): ByteStream {
    return this.stdout$;
  }

  /** Size of the receive window, in bytes: what an OPEN or a CONFIRMATION tells. */
  get windowSize(): number {
    return this.#window.size;
  }

  /** When there was data, either way, or a request of the peer's last; or when it began. A keepalive is no use of a channel. */
  get lastUsed(): number {
    return Math.max(this.#lastReceived, this.#outbox.lastSent);
  }

  /** Has the peer said EOF? What came before a CLOSE alone may not be all that was meant. */
  get hasEof(): boolean {
    return this.#state.eofReceived;
  }

  /** Is it open, and has nobody said CLOSE? */
  get isOpen(): boolean {
    return this.#state.lifecycle === 'open' && !this.#state.closeSent;
  }

  /**
   * Has it ever been?
   *
   * @internal
   */
  get wasOpen(): boolean {
    return this.#wasOpen;
  }

  /**
   * Calls back with the answer to our OPEN.
   *
   * @internal
   */
  whenOpened(opened: (error: SshError | undefined) => void): void {
    this.#opened = opened;
  }

  /**
   * The peer's side, from its OPEN or its CONFIRMATION.
   *
   * @internal
   */
  setPeer(recipientChannel: number, windowSize: number, maximumPacketSize: number): void {
    if (maximumPacketSize === 0) throw protocolError('a channel with a maximum packet size of 0');
    this.#recipientChannel = recipientChannel;
    this.#wasOpen = true;
    this.#outbox.open(recipientChannel, windowSize, maximumPacketSize);
  }

  /**
   * Sends a request and waits for its reply (RFC 4254 §5.4). Cold; emits nothing and completes on success. Errors with
   * `request-refused`, `released` when the channel is closed, `config`, or what ended the connection.
   */
  request(type: string, payload?: Uint8Array): Observable<never> {
    return this.#requests.request(type, payload);
  }

  /**
   * Does the peer take what is sent, or is there enough that waits for it?
   *
   * @internal
   */
  get isWritable(): boolean {
    return this.#context.transport.isWritable;
  }

  /**
   * Calls back once when the peer takes what is sent again.
   *
   * @internal
   */
  whenWritable(resume: () => void): void {
    this.#context.transport.whenWritable(resume);
  }

  /** Sends a request that wants no reply; on a closed channel it does nothing. Throws `config` for a name that is none. */
  notify(type: string, payload?: Uint8Array): void {
    this.#requests.notify(type, payload);
  }

  /** Writes bytes as a duplex does: `done` is called when the peer's window has taken them. */
  write(bytes: Uint8Array, done: () => void): void {
    if (this.isOpen) this.#outbox.write(bytes, done);
    else done();
  }

  /** Sends what can be sent now, as a duplex does. */
  offer(bytes: Uint8Array): number {
    return this.isOpen ? this.#outbox.offer(bytes) : 0;
  }

  /** Frees a chunk that nobody looks at any more. */
  giveBack(chunk: Uint8Array): void {
    freePacketOf(chunk, this.#context.transport.provider);
  }

  /** Says EOF behind what `write` was given (RFC 4254 §5.3). */
  end(): void {
    if (this.#outbox.hasWrites)
      this.#outbox.write(new Uint8Array(0), () => this.#dispatch('local-eof'));
    else this.#dispatch('local-eof');
  }

  /** Says CLOSE (RFC 4254 §5.3). Data that was received and not taken yet still can be. */
  close(): void {
    this.#dispatch('local-close');
  }

  /** Says CLOSE and drops what was received. */
  destroy(): void {
    this.#inbox.discard();
    this.close();
  }

  /**
   * A message of the peer for this channel. Throws `protocol` for one that may not come now.
   *
   * @internal
   */
  receive(message: ChannelMessage): void {
    switch (message.type) {
      case 'CHANNEL_OPEN_CONFIRMATION':
        this.#confirm(message.senderChannel, message.initialWindowSize, message.maximumPacketSize);
        return;
      case 'CHANNEL_OPEN_FAILURE':
        this.#endedWith = channelOpenError(message.reasonCode, message.description);
        this.#dispatch('failure');
        return;
      case 'CHANNEL_DATA':
        this.#receiveData(0, message.data);
        return;
      case 'CHANNEL_EXTENDED_DATA':
        this.#receiveData(message.dataTypeCode, message.data);
        return;
      case 'CHANNEL_EOF':
        this.#dispatch('eof');
        return;
      case 'CHANNEL_CLOSE':
        this.#dispatch('close');
        return;
      case 'CHANNEL_WINDOW_ADJUST':
        this.#dispatch('traffic');
        this.#outbox.adjust(message.bytesToAdd);
        return;
      case 'CHANNEL_REQUEST':
        if (message.requestType !== KEEPALIVE_REQUEST)
          this.#lastReceived = this.#context.scheduler.now();
        this.#dispatch('traffic');
        this.#requests.receive(message);
        return;
      case 'CHANNEL_SUCCESS':
      case 'CHANNEL_FAILURE':
        this.#dispatch('traffic');
        this.#requests.receive(message);
    }
  }

  /**
   * The connection has ended: every stream of the channel errors with its cause, behind the data.
   *
   * @internal
   */
  connectionEnded(error: SshError): void {
    this.#state = { ...this.#state, lifecycle: 'closed', closeSent: true };
    this.#finish(error);
  }

  #dispatch(event: ChannelEvent): void {
    const [state, effects] = channelReducer(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: ChannelEffect): void {
    const { transport } = this.#context;
    const recipientChannel = this.#recipientChannel;
    switch (effect.type) {
      case 'send-eof':
        transport.send({ type: 'CHANNEL_EOF', recipientChannel });
        return;
      case 'send-close':
        this.#outbox.close();
        transport.send({ type: 'CHANNEL_CLOSE', recipientChannel });
        return;
      case 'opened':
      case 'refused':
        this.#answerOpen(this.#endedWith);
        return;
      case 'ended':
        this.#inbox.end();
        return;
      case 'closed':
        this.#context.freed(this);
        this.#finish(this.#endedWith);
        return;
      case 'fail':
        throw effect.error;
    }
  }

  #confirm(recipientChannel: number, windowSize: number, maximumPacketSize: number): void {
    // the state is looked at first: a second CONFIRMATION must not change the numbers
    if (this.#state.lifecycle !== 'open' && this.#state.lifecycle !== 'closed') {
      this.setPeer(recipientChannel, windowSize, maximumPacketSize);
    }
    this.#dispatch('confirmation');
  }

  #answerOpen(error: SshError | undefined): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.(error);
  }

  #receiveData(dataType: number, data: Uint8Array): void {
    this.#dispatch('traffic');
    if (data.length > MAXIMUM_PACKET)
      throw protocolError('channel data beyond the maximum packet size');
    const now = this.#context.scheduler.now();
    this.#lastReceived = now;
    const answeredIn = this.#window.receive(data.length, now);
    if (answeredIn !== undefined) this.#context.boundRoundTrip(answeredIn);
    const isKnown = dataType === 0 || dataType === ExtendedDataType.STDERR;
    // data behind EOF, data that crosses our CLOSE, and extended data of an unknown type are nobody's
    if (!isKnown || this.#state.eofReceived || this.#state.closeSent) this.#consume(data.length);
    else this.#inbox.push(dataType === 0 ? 'stdout' : 'stderr', data);
  }

  #consume(length: number): void {
    this.#window.consume(length);
    if (this.#isGrantScheduled || !this.isOpen || !this.#window.isGrantDue) return;
    this.#isGrantScheduled = true;
    this.#context.transport.run(() => {
      this.#isGrantScheduled = false;
      if (this.isOpen && !this.#state.eofReceived) this.#grant();
    });
  }

  #grant(): void {
    const bytesToAdd = this.#window.grant(this.#context.scheduler.now(), this.#context.roundTrip());
    const recipientChannel = this.#recipientChannel;
    this.#context.transport.send({ type: 'CHANNEL_WINDOW_ADJUST', recipientChannel, bytesToAdd });
  }

  #sink(dataType: number | undefined): ByteSink {
    return this.#outbox.sink(dataType, {
      end: () => this.end(),
      // half of what was meant must not look whole: no EOF
      abort: () => this.close(),
      closed$: this.closed$.pipe(map((error) => error ?? this.#goneError())),
    });
  }

  #goneError(): SshError {
    return this.#endedWith ?? closedChannelError();
  }

  #finish(error: SshError | undefined): void {
    this.#endedWith = error;
    this.#outbox.close();
    this.#window.release();
    this.#inbox.end(error);
    this.#answerOpen(error);
    this.#requests.end();
    outsideDelivery(() => {
      this.#closed.next(error);
      this.#closed.complete();
    });
  }
}
