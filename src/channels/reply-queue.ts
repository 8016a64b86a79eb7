/**
 * Requests with replies (RFC 4254 §4, §5.4). Replies carry no number: both sides answer in the order of the requests, so each
 * direction is a queue, and a handler that takes its time holds back the answers behind it.
 */
import { Fifo } from '../wire/fifo.ts';

/** Our requests that the peer has not answered. */
export class PendingRequests<R> {
  readonly #pending = new Fifo<(reply: R) => void>();

  get length(): number {
    return this.#pending.length;
  }

  /** Waits for the next reply that is not another's. */
  add(answered: (reply: R) => void): void {
    this.#pending.push(answered);
  }

  /** Hands a reply to the oldest request; `false` when nobody has asked. */
  answer(reply: R): boolean {
    const answered = this.#pending.shift();
    answered?.(reply);
    return answered !== undefined;
  }

  /** Nobody will be answered any more. */
  takeAll(): ((reply: R) => void)[] {
    return this.#pending.takeAll();
  }
}

/** Most requests of the peer that may wait for an answer of ours. */
export const MAX_UNANSWERED = 256;

/** The peer's requests that wait for our answer. */
export class AnswerQueue<R> {
  readonly #slots = new Fifo<{ answer?: R }>();
  readonly #send: (answer: R) => void;

  constructor(send: (answer: R) => void) {
    this.#send = send;
  }

  get length(): number {
    return this.#slots.length;
  }

  /** Keeps a place for one answer; call the returned function with it, once. */
  reserve(): (answer: R) => void {
    const slot: { answer?: R } = {};
    this.#slots.push(slot);
    return (answer) => {
      if (slot.answer !== undefined) return;
      slot.answer = answer;
      this.#flush();
    };
  }

  #flush(): void {
    for (;;) {
      const answer = this.#slots.peek()?.answer;
      if (answer === undefined) return;
      this.#slots.shift();
      this.#send(answer);
    }
  }
}
