/** One try as the policy is asked about it, and what the policy asks the user meanwhile. */
import { Observable, type Subscriber, Subscription } from 'rxjs';
import { escapeText, SshError, toError } from '../errors.ts';
import { MAX_PROMPTS } from '../messages/userauth.ts';
import { takeVerdict } from '../operators/take-verdict.ts';
import { type AuthPolicy, type Challenge, MAX_TEXT } from './policy.ts';

/** Who hears of a call: of one end at the most, and of nothing after `callOff`. */
export interface PolicyCallListener {
  /** What the policy has decided: anything at all. */
  decided(decision: unknown): void;
  /** It has not decided, and will not. */
  failed(reason: string): void;
  /** The user is to be asked. */
  asked(challenge: Challenge): void;
}

/** A policy at work on one try. */
export class PolicyCall {
  readonly #listener: PolicyCallListener;
  readonly #life = new Subscription();
  #waiting: Subscriber<readonly string[]> | undefined;
  /** A question is with the user, whether or not the policy still wants to know. */
  #isAsking = false;

  constructor(listener: PolicyCallListener) {
    this.#listener = listener;
  }

  /** Asks the policy. */
  start(ask: () => ReturnType<AuthPolicy>): void {
    this.#life.add(
      takeVerdict<unknown>(
        ask,
        (decision) => this.#end(() => this.#listener.decided(decision)),
        (error) => this.#end(() => this.#listener.failed(whyUndecided(error))),
      ),
    );
    // whoever has taken a question out of the policy's hands hears of the end, too
    this.#life.add(() => {
      if (this.#waiting?.closed === false) this.#waiting.error(over());
    });
  }

  /** Asks the user when subscribed to; see `Credential`. */
  ask(challenge: Challenge): Observable<readonly string[]> {
    return new Observable((subscriber) => {
      const problem = this.#life.closed ? over() : this.#whyNot(challenge);
      if (problem !== undefined) {
        subscriber.error(problem);
        return;
      }
      this.#isAsking = true;
      this.#waiting = subscriber;
      this.#listener.asked(challenge);
      return () => {
        // a policy may ask anew within its answer
        if (this.#waiting === subscriber) this.#waiting = undefined;
      };
    });
  }

  /** The user has answered. */
  answer(responses: readonly string[]): void {
    const waiting = this.#waiting;
    this.#isAsking = false;
    waiting?.next(responses);
    waiting?.complete();
  }

  /** Lets the policy go: it is told nothing more, and nothing is heard of it. */
  callOff(): void {
    this.#life.unsubscribe();
  }

  #end(tell: () => void): void {
    this.#life.unsubscribe();
    tell();
  }

  #whyNot({ name = '', instruction = '', prompts = [] }: Challenge): SshError | undefined {
    const texts: readonly unknown[] = [name, instruction, ...prompts.map(({ prompt }) => prompt)];
    if (!texts.every((text) => typeof text === 'string')) return problemOf('what is no text');
    if (this.#isAsking) return problemOf('a question is still open');
    if (prompts.length > MAX_PROMPTS) return problemOf(`more than ${MAX_PROMPTS} prompts`);
    if (prompts.some(({ prompt }) => prompt === '')) return problemOf('a prompt without text');
    return texts.join('').length > MAX_TEXT ? problemOf('too much text') : undefined;
  }
}

function problemOf(text: string): SshError<'config'> {
  return new SshError('config', `cannot ask: ${text}`, { option: 'challenge' });
}

function over(): SshError<'released'> {
  return new SshError('released', 'the try to log in is over', { what: 'question' });
}

function whyUndecided(error: unknown): string {
  return error === undefined
    ? 'the policy has not decided'
    : `the policy has failed: ${escapeText(toError(error).message, 256)}`;
}
