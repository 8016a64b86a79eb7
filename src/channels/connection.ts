/**
 * The connection protocol (RFC 4254) over a transport whose user is authenticated, the same for both roles: numbers of
 * channels, who gets which message, channels that the peer asks for.
 */
import { Observable, Subject, Subscription } from 'rxjs';
import { protocolError } from '../errors.ts';
import { OpenFailureReason } from '../messages/codes.ts';
import {
  type CHANNEL_OPEN,
  type ChannelMessage,
  CONNECTION_MESSAGES,
  type ConnectionMessage,
} from '../messages/connection.ts';
import type { UNIMPLEMENTED } from '../messages/transport.ts';
import type { InboundMessage } from '../operators/decode.ts';
import { abortableBy } from '../operators/abortable.ts';
import { outsideDelivery } from '../operators/credit.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { asSshError } from '../streams/ending.ts';
import type { TraceEvent } from '../streams/trace.ts';
import type { SshTransport } from '../streams/transport.ts';
import type { MessageOf } from '../wire/message.ts';
import { Channel, type ChannelContext } from './channel.ts';
import type { ChannelOptions } from './channel-options.ts';
import { OPEN, OPENING } from './channel-state.ts';
import { ChannelTable } from './channel-table.ts';
import { beginWork } from './channel-work.ts';
import type { ChannelOpenAnswer, ConnectionOptions } from './connection-options.ts';
import { GlobalRequests } from './global-requests.ts';
import { checkName, KEEPALIVE_REQUEST } from './names.ts';
import { isConsent, takeVerdict } from '../operators/take-verdict.ts';
import { MAXIMUM_PACKET } from './window.ts';

export type {
  ChannelOpenAnswer,
  ChannelOpenHandler,
  ChannelOpenRequest,
  ConnectionOptions,
} from './connection-options.ts';

const DEFAULT_MAXIMUM_CHANNELS = 256;
const DEFAULT_OPEN_TIMEOUT = 30_000;

type ChannelState = Extract<TraceEvent, { type: 'channel' }>['state'];
type UpperMessage = ConnectionMessage | MessageOf<typeof UNIMPLEMENTED>;
type OpenMessage = MessageOf<typeof CHANNEL_OPEN>;
type Acceptance = Extract<ChannelOpenAnswer, { accept: true }>;

/** Channels and global requests of one connection. */
export class SshConnection {
  readonly transport: SshTransport;
  /** Global requests, ours and the peer's. */
  readonly globalRequests: GlobalRequests;
  readonly #options: ConnectionOptions;
  readonly #channels: ChannelTable;
  readonly #context: ChannelContext;
  readonly #subscriptions = new Subscription();
  readonly #unused = new Subject<void>();
  #refusal: string | undefined;
  #peerChannels = 0;
  #roundTrip: number | undefined;

  /** Emits whenever the last channel is over, behind what its end has led to. Hot. */
  readonly unused$: Observable<void> = this.#unused.asObservable();

  /**
   * Takes over the transport: call it in the same turn in which authentication succeeded, so that no message is missed.
   */
  constructor(transport: SshTransport, options: ConnectionOptions = {}) {
    this.transport = transport;
    this.#options = options;
    this.#channels = new ChannelTable(transport.scheduler, options.channelTimeouts ?? {});
    this.globalRequests = new GlobalRequests(transport, options.globalRequests ?? {});
    this.#context = {
      transport,
      scheduler: transport.scheduler,
      roundTrip: () => this.#roundTrip ?? 0,
      boundRoundTrip: (milliseconds) => {
        // it bounds what is known, and is too long for a slow sender to be known by
        if (this.#roundTrip !== undefined) this.sawRoundTrip(milliseconds);
      },
      freed: (channel) => this.#free(channel),
    };
    transport.enterPhase('connection', CONNECTION_MESSAGES);
    this.#subscriptions.add(
      transport.upper$.subscribe({
        next: (inbound) => this.#receive(inbound),
        complete: () => this.#end(),
      }),
    );
  }

  /** Channels that exist now. */
  get channelCount(): number {
    return this.#channels.size;
  }

  /** When a channel was used last, one came or went, or the peer asked for something; a keepalive is no use. */
  get lastUsed(): number {
    return this.#channels.lastUsed;
  }

  /** Since when there is no channel; `undefined` while there is one. */
  get unusedSince(): number | undefined {
    return this.#channels.unusedSince;
  }

  /** Milliseconds since a channel has gone that was open; no end of them when there was none. */
  get sinceClosed(): number {
    const { lastClosed = Number.NEGATIVE_INFINITY } = this.#channels;
    return this.#context.scheduler.now() - lastClosed;
  }

  /** Refuses every channel that the peer asks for from now on; those that are there go on. */
  refuseChannels(description: string): void {
    this.#refusal = description;
  }

  /** A round trip was seen to take this many milliseconds; the shortest one counts. */
  sawRoundTrip(milliseconds: number): void {
    this.#roundTrip = Math.min(this.#roundTrip ?? milliseconds, milliseconds);
  }

  /**
   * Opens a channel (RFC 4254 §5.1). Cold: emits the channel once it is confirmed and completes when it is closed;
   * unsubscribing closes it. Errors with `channel-open`, `timeout` (phase `channel open`), `config` or what ended the
   * connection; once the channel was emitted, errors arrive on its own streams, behind their data.
   */
  openChannel(
    type: string,
    payload: Uint8Array = new Uint8Array(0),
    options: ChannelOptions = {},
  ): Observable<Channel> {
    const channel$ = new Observable<Channel>((subscriber) => {
      const { ended } = this.transport;
      if (ended !== undefined) {
        subscriber.error(ended);
        return undefined;
      }
      checkName(type);
      const openTimeout = this.#options.openTimeout ?? DEFAULT_OPEN_TIMEOUT;
      const channel = new Channel(type, this.#channels.allocate(), OPENING, this.#context, options);
      const started = this.#context.scheduler.now();
      const deadline = after(
        openTimeout,
        () => subscriber.error(timeoutError('channel open', openTimeout)),
        this.#context.scheduler,
      );
      channel.whenOpened((error) => {
        deadline.unsubscribe();
        this.#trace(channel, error === undefined ? 'open' : 'refused');
        // nobody wants it any more
        if (subscriber.closed) return;
        if (error !== undefined) {
          outsideDelivery(() => subscriber.error(error));
          return;
        }
        this.sawRoundTrip(this.#context.scheduler.now() - started);
        outsideDelivery(() => subscriber.next(channel));
      });
      this.#channels.add(channel);
      this.#trace(channel, 'opening');
      let isOver = false;
      subscriber.add(
        channel.closed$.subscribe(() => {
          isOver = true;
          subscriber.complete();
        }),
      );
      this.transport.send({
        type: 'CHANNEL_OPEN',
        channelType: type,
        senderChannel: channel.number,
        initialWindowSize: channel.windowSize,
        maximumPacketSize: MAXIMUM_PACKET,
        payload,
      });
      return () => {
        deadline.unsubscribe();
        // a channel that is over may still have data for a slow reader, and an end behind it
        if (!isOver) channel.destroy();
      };
    });
    return channel$.pipe(abortableBy(options.signal));
  }

  /** What is thrown here ends the connection: rxjs would report it on a timer while the session goes on. */
  #receive({ message }: InboundMessage): void {
    if (message === undefined) return;
    try {
      this.#dispatch(message as UpperMessage);
    } catch (thrown) {
      this.transport.fail(asSshError(thrown));
    }
  }

  #dispatch(received: UpperMessage): void {
    switch (received.type) {
      case 'UNIMPLEMENTED':
        this.globalRequests.notUnderstood();
        return;
      case 'GLOBAL_REQUEST':
        if (received.requestName !== KEEPALIVE_REQUEST) this.#channels.used();
        this.globalRequests.receive(received);
        return;
      case 'REQUEST_SUCCESS':
      case 'REQUEST_FAILURE':
        this.globalRequests.receive(received);
        return;
      case 'CHANNEL_OPEN':
        this.#channels.used();
        this.#receiveOpen(received);
        return;
      default:
        this.#channelOf(received).receive(received);
    }
  }

  #channelOf({ type, recipientChannel }: ChannelMessage): Channel {
    const channel = this.#channels.get(recipientChannel);
    if (channel === undefined)
      throw protocolError(`${type} for channel ${String(recipientChannel)}, which does not exist`);
    return channel;
  }

  #receiveOpen(message: OpenMessage): void {
    if (this.#refusal !== undefined) {
      this.#refuse(message, OpenFailureReason.ADMINISTRATIVELY_PROHIBITED, this.#refusal);
      return;
    }
    const handlers = this.#options.channels ?? {};
    const handler = Object.hasOwn(handlers, message.channelType)
      ? handlers[message.channelType]
      : undefined;
    if (handler === undefined) {
      this.#refuse(message, OpenFailureReason.UNKNOWN_CHANNEL_TYPE, 'unknown channel type');
      return;
    }
    if (this.#peerChannels >= (this.#options.maxChannels ?? DEFAULT_MAXIMUM_CHANNELS)) {
      this.#refuse(message, OpenFailureReason.RESOURCE_SHORTAGE, 'too many channels');
      return;
    }
    if (message.maximumPacketSize === 0) {
      this.#refuse(message, OpenFailureReason.CONNECT_FAILED, 'maximum packet size of 0');
      return;
    }
    this.#peerChannels++;
    const { channelType: type, payload } = message;
    this.#subscriptions.add(
      takeVerdict(
        () => handler({ type, payload }),
        (answer) => this.transport.run(() => this.#answerOpen(message, answer)),
        () => this.transport.run(() => this.#answerOpen(message, { accept: false })),
      ),
    );
  }

  #answerOpen(message: OpenMessage, answer: ChannelOpenAnswer | undefined): void {
    if (this.transport.ended !== undefined) return;
    if (!isAcceptance(answer)) {
      this.#peerChannels--;
      const { ADMINISTRATIVELY_PROHIBITED } = OpenFailureReason;
      const { reasonCode = ADMINISTRATIVELY_PROHIBITED, description = '' } = answer ?? {};
      this.#refuse(message, reasonCode, description);
      return;
    }
    const channel = new Channel(
      message.channelType,
      this.#channels.allocate(),
      OPEN,
      this.#context,
      answer.options ?? {},
    );
    channel.setPeer(message.senderChannel, message.initialWindowSize, message.maximumPacketSize);
    this.#channels.add(channel);
    this.#trace(channel, 'open');
    this.#subscriptions.add(channel.closed$.subscribe(() => this.#peerChannels--));
    this.transport.send({
      type: 'CHANNEL_OPEN_CONFIRMATION',
      recipientChannel: message.senderChannel,
      senderChannel: channel.number,
      initialWindowSize: channel.windowSize,
      maximumPacketSize: MAXIMUM_PACKET,
      payload: new Uint8Array(0),
    });
    outsideDelivery(() => beginWork(channel, answer.opened, this.#options.channelFailed));
  }

  #refuse(message: OpenMessage, reasonCode: number, description: string): void {
    const recipientChannel = message.senderChannel;
    this.transport.send({
      type: 'CHANNEL_OPEN_FAILURE',
      recipientChannel,
      reasonCode,
      description,
      languageTag: '',
    });
  }

  #free(channel: Channel): void {
    this.#channels.free(channel);
    this.#trace(channel, 'closed');
    if (this.#channels.size === 0) this.transport.run(() => this.#unused.next());
  }

  #trace({ number, type }: Channel, state: ChannelState): void {
    this.transport.trace?.({ type: 'channel', channel: number, channelType: type, state });
  }

  #end(): void {
    const { ended } = this.transport;
    if (ended === undefined) return;
    this.#subscriptions.unsubscribe();
    this.#unused.complete();
    this.globalRequests.end(ended);
    for (const channel of this.#channels.takeAll()) channel.connectionEnded(ended);
  }
}

/** What a handler gives may be anything, whatever its type says. */
function isAcceptance(answer: ChannelOpenAnswer | undefined): answer is Acceptance {
  return isConsent(answer?.accept);
}
