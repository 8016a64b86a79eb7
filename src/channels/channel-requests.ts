/** The requests on one channel (RFC 4254 §5.4), both ways, with replies in their order. */
import { Observable } from 'rxjs';
import type { SshError } from '../errors.ts';
import type { ChannelMessage } from '../messages/connection.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { SshTransport } from '../streams/transport.ts';
import { refusedRequestError } from './channel-errors.ts';
import type { ChannelRequestHandler } from './channel-options.ts';
import { checkName } from './names.ts';
import { AnswerQueue, PendingRequests } from './reply-queue.ts';

/** What requests need of their channel. */
export interface RequestContext {
  /** The peer's number of the channel; `undefined` unless it is open. */
  recipientChannel(): number | undefined;
  /** The error of a request that finds the channel closed. */
  whyClosed(): SshError;
}

type RequestMessage = Extract<
  ChannelMessage,
  { type: 'CHANNEL_REQUEST' | 'CHANNEL_SUCCESS' | 'CHANNEL_FAILURE' }
>;

const NO_BYTES = new Uint8Array(0);

/** The requests of one channel; see `Channel`. */
export class ChannelRequests {
  readonly #transport: SshTransport;
  readonly #onRequest: ChannelRequestHandler | undefined;
  readonly #channel: RequestContext;
  readonly #pending = new PendingRequests<boolean>();
  readonly #answers: AnswerQueue<boolean>;
  #hasEnded = false;

  constructor(
    transport: SshTransport,
    onRequest: ChannelRequestHandler | undefined,
    channel: RequestContext,
  ) {
    this.#transport = transport;
    this.#onRequest = onRequest;
    this.#channel = channel;
    this.#answers = new AnswerQueue({
      refusal: false,
      send: (isAccepted) => this.#answer(isAccepted),
      run: (task) => transport.run(task),
    });
  }

  /** See `Channel.request`. */
  request(requestType: string, payload: Uint8Array = NO_BYTES): Observable<never> {
    return new Observable((subscriber) => {
      const recipientChannel = this.#channel.recipientChannel();
      if (recipientChannel === undefined) {
        subscriber.error(this.#channel.whyClosed());
        return;
      }
      checkName(requestType);
      this.#pending.add((isAccepted) => {
        // whoever has left still has a place in the order of the replies
        if (subscriber.closed) return;
        outsideDelivery(() => {
          if (isAccepted) subscriber.complete();
          else if (this.#hasEnded) subscriber.error(this.#channel.whyClosed());
          else subscriber.error(refusedRequestError(requestType));
        });
      });
      const request = { recipientChannel, requestType, wantReply: true, payload };
      this.#transport.send({ type: 'CHANNEL_REQUEST', ...request });
    });
  }

  /** See `Channel.notify`. */
  notify(requestType: string, payload: Uint8Array = NO_BYTES): void {
    checkName(requestType);
    const recipientChannel = this.#channel.recipientChannel();
    if (recipientChannel === undefined) return;
    const request = { recipientChannel, requestType, wantReply: false, payload };
    this.#transport.send({ type: 'CHANNEL_REQUEST', ...request });
  }

  /** A request or a reply of the peer. A reply that nobody has asked for is dropped. */
  receive(message: RequestMessage): void {
    if (message.type !== 'CHANNEL_REQUEST') {
      this.#pending.answer(message.type === 'CHANNEL_SUCCESS');
      return;
    }
    const { requestType: type, wantReply, payload } = message;
    const handle = this.#onRequest;
    this.#answers.take(wantReply, handle && (() => handle({ type, wantReply, payload })));
  }

  /** The channel is over. */
  end(): void {
    this.#hasEnded = true;
    this.#answers.end();
    for (const answered of this.#pending.takeAll()) answered(false);
  }

  #answer(isAccepted: boolean): void {
    const recipientChannel = this.#channel.recipientChannel();
    if (recipientChannel === undefined) return;
    const type = isAccepted ? 'CHANNEL_SUCCESS' : 'CHANNEL_FAILURE';
    this.#transport.send({ type, recipientChannel });
  }
}
