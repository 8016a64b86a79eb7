/**
 * Requests with replies (RFC 4254 §4, §5.4). Replies carry no number: both sides answer in the order of the requests, so each
 * direction is a queue, and a handler that takes its time holds back the answers behind it.
 */
import { Subscription } from 'rxjs';
import { protocolError } from '../errors.ts';
import { takeVerdict, type Verdict } from '../operators/take-verdict.ts';
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

/** Most requests of the peer that may be at work here, those that want no reply among them. */
const MAX_AT_WORK = 256;

/** What an answer of ours needs. */
export interface AnswerContext<R> {
  /** The answer to a request that has no handler, or whose handler fails. */
  readonly refusal: R;
  send(answer: R): void;
  /** Runs a task on the connection's queue. */
  run(task: () => void): void;
}

/** The peer's requests, and our answers in the order of the requests. */
export class AnswerQueue<R> {
  readonly #context: AnswerContext<R>;
  readonly #slots = new Fifo<{ answer?: R }>();
  readonly #verdicts = new Subscription();
  /** Requests at work that want no reply. */
  #silent = 0;

  constructor(context: AnswerContext<R>) {
    this.#context = context;
  }

  /** Has a handler look at a request. Throws `protocol` when too many are at work already. */
  take(wantReply: boolean, handle: (() => Verdict<R>) | undefined): void {
    const { refusal } = this.#context;
    if (this.#slots.length + this.#silent >= MAX_AT_WORK)
      throw protocolError('too many requests wait for an answer');
    const settle = wantReply ? this.#reserve() : this.#countSilent();
    const verdict = takeVerdict(
      () => (handle === undefined ? refusal : handle()),
      settle,
      () => settle(refusal),
    );
    this.#verdicts.add(verdict);
  }

  /** Nothing is answered any more: handlers that are at work are unsubscribed. */
  end(): void {
    this.#verdicts.unsubscribe();
  }

  #countSilent(): () => void {
    this.#silent++;
    return () => {
      this.#silent--;
    };
  }

  #reserve(): (answer: R) => void {
    const slot: { answer?: R } = {};
    this.#slots.push(slot);
    return (answer) => {
      this.#context.run(() => {
        slot.answer = answer;
        this.#flush();
      });
    };
  }

  #flush(): void {
    for (;;) {
      const answer = this.#slots.peek()?.answer;
      if (answer === undefined) return;
      this.#slots.shift();
      this.#context.send(answer);
    }
  }
}
