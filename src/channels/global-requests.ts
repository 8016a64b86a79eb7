/** Global requests (RFC 4254 §4), both ways, with replies in their order. */
import { Observable } from 'rxjs';
import type { SshError } from '../errors.ts';
import type { ConnectionMessage } from '../messages/connection.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { SshTransport } from '../streams/transport.ts';
import { refusedRequestError } from './channel-errors.ts';
import { checkName } from './names.ts';
import { AnswerQueue, PendingRequests } from './reply-queue.ts';
import type { Verdict } from '../operators/take-verdict.ts';

/** A global request of the peer. */
export interface GlobalRequest {
  /** `tcpip-forward`, … */
  readonly name: string;
  /** Whether the peer waits for an answer. */
  readonly wantReply: boolean;
  /** What the name adds to the message. */
  readonly payload: Uint8Array;
}

/** Answers a global request: bytes are success with that payload, `true` success without one, `false` failure. */
export type GlobalRequestHandler = (request: GlobalRequest) => Verdict<boolean | Uint8Array>;

/** What a reply came to; the payload is empty for most requests. */
type Reply =
  | { readonly isSuccess: true; readonly payload: Uint8Array }
  | { readonly isSuccess: false; readonly error?: SshError };

const NO_BYTES = new Uint8Array(0);

/** The global requests of one connection. */
export class GlobalRequests {
  readonly #transport: SshTransport;
  readonly #handlers: Readonly<Record<string, GlobalRequestHandler>>;
  readonly #pending = new PendingRequests<Reply>();
  readonly #answers: AnswerQueue<boolean | Uint8Array>;

  constructor(transport: SshTransport, handlers: Readonly<Record<string, GlobalRequestHandler>>) {
    this.#transport = transport;
    this.#handlers = handlers;
    this.#answers = new AnswerQueue<boolean | Uint8Array>({
      refusal: false,
      send: (answer) => this.#answer(answer),
      run: (task) => transport.run(task),
    });
  }

  /**
   * Sends a request and waits for its reply. Cold; emits the reply's payload and completes. Errors with `request-refused`,
   * `config`, or what ended the connection.
   */
  request(requestName: string, payload: Uint8Array = NO_BYTES): Observable<Uint8Array> {
    return new Observable((subscriber) => {
      const { ended } = this.#transport;
      if (ended !== undefined) {
        subscriber.error(ended);
        return;
      }
      checkName(requestName);
      this.#pending.add((reply) => {
        // whoever has left still has a place in the order of the replies
        if (subscriber.closed) return;
        outsideDelivery(() => {
          if (reply.isSuccess) {
            subscriber.next(reply.payload);
            subscriber.complete();
          } else {
            subscriber.error(reply.error ?? refusedRequestError(requestName));
          }
        });
      });
      this.#transport.send({ type: 'GLOBAL_REQUEST', requestName, wantReply: true, payload });
    });
  }

  /** Sends a request that wants no reply. Throws `config` for a name that is none. */
  notify(requestName: string, payload: Uint8Array = NO_BYTES): void {
    checkName(requestName);
    this.#transport.send({ type: 'GLOBAL_REQUEST', requestName, wantReply: false, payload });
  }

  /**
   * A request or a reply of the peer. A reply that nobody has asked for is dropped.
   *
   * @internal
   */
  receive(
    message: Extract<
      ConnectionMessage,
      { type: 'GLOBAL_REQUEST' | 'REQUEST_SUCCESS' | 'REQUEST_FAILURE' }
    >,
  ): void {
    switch (message.type) {
      case 'GLOBAL_REQUEST':
        this.#receiveRequest({
          name: message.requestName,
          wantReply: message.wantReply,
          payload: message.payload,
        });
        return;
      case 'REQUEST_SUCCESS':
        this.#pending.answer({ isSuccess: true, payload: message.payload });
        return;
      case 'REQUEST_FAILURE':
        this.#pending.answer({ isSuccess: false });
    }
  }

  /**
   * A peer that does not understand a request says UNIMPLEMENTED instead of failure: the oldest one is answered by it.
   *
   * @internal
   */
  notUnderstood(): void {
    this.#pending.answer({ isSuccess: false });
  }

  /**
   * The connection has ended.
   *
   * @internal
   */
  end(error: SshError): void {
    this.#answers.end();
    for (const answered of this.#pending.takeAll()) answered({ isSuccess: false, error });
  }

  #receiveRequest(request: GlobalRequest): void {
    const { name, wantReply } = request;
    const handler = Object.hasOwn(this.#handlers, name) ? this.#handlers[name] : undefined;
    this.#answers.take(wantReply, handler && (() => handler(request)));
  }

  #answer(answer: boolean | Uint8Array): void {
    if (answer === false) this.#transport.send({ type: 'REQUEST_FAILURE' });
    else
      this.#transport.send({
        type: 'REQUEST_SUCCESS',
        payload: answer === true ? NO_BYTES : answer,
      });
  }
}
