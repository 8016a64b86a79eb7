/** `keyboard-interactive` (RFC 4256). */
import {
  catchError,
  defaultIfEmpty,
  defer,
  EMPTY,
  from,
  map,
  type Observable,
  of,
  take,
} from 'rxjs';
import { escapeText, protocolError, toError } from '../../errors.ts';
import type { Message } from '../../messages/catalogue.ts';
import { interactiveData, USERAUTH_METHOD_MESSAGES } from '../../messages/userauth.ts';
import type { ClientMethod, ClientMethodContext, ClientMove } from '../client-method.ts';
import type { ClientAuthOptions, InteractiveQuestion } from '../client-options.ts';
import type { ServerMethod } from '../server-method.ts';

/** How often the server may reject what it was answered. */
const MAX_TRIES = 3;
/** Submethods that a policy is told of. */
const MAX_SUBMETHODS = 16;
const NO_SUBMETHODS = interactiveData.encode({ languageTag: '', submethods: '' });

/** The client's half; `undefined` without anyone to ask. */
export function keyboardInteractiveClient({
  options,
}: ClientMethodContext): ClientMethod | undefined {
  const { user, keyboardInteractive: answer } = options;
  return answer === undefined ? undefined : new KeyboardInteractiveClient(user, answer);
}

class KeyboardInteractiveClient implements ClientMethod {
  readonly name = 'keyboard-interactive';
  readonly rows = USERAUTH_METHOD_MESSAGES['keyboard-interactive'];
  readonly hasManyCredentials = false;
  readonly #user: string;
  readonly #answer: NonNullable<ClientAuthOptions['keyboardInteractive']>;
  #tries = 0;
  #rounds = 0;
  /** Another try makes sense only where somebody was asked, and has not given up. */
  #isWorthwhile = true;

  constructor(user: string, answer: NonNullable<ClientAuthOptions['keyboardInteractive']>) {
    this.#user = user;
    this.#answer = answer;
  }

  next(): Observable<ClientMove> {
    if (!this.#isWorthwhile || this.#tries >= MAX_TRIES) return EMPTY;
    this.#tries++;
    this.#rounds = 0;
    this.#isWorthwhile = false;
    return of({ type: 'request', methodData: NO_SUBMETHODS, isQuestion: true });
  }

  refused(outcome: 'rejected' | 'refused-type'): void {
    if (outcome === 'rejected') return;
    this.#tries--;
    this.#isWorthwhile = true;
  }

  answer(message: Message): Observable<ClientMove> {
    if (message.type !== 'USERAUTH_INFO_REQUEST')
      throw protocolError(`${message.type} in answer to keyboard-interactive`);
    const { name, instruction, prompts } = message;
    if (prompts.length > 0) {
      this.#isWorthwhile = true;
      this.#rounds++;
    }
    const turn = { user: this.#user, attempt: this.#tries, round: this.#rounds };
    return this.#ask({ ...turn, name, instruction, prompts }).pipe(
      map((answers) => this.#move(answers, prompts.length)),
      catchError((error: unknown) => of(this.#giveUp(escapeText(toError(error).message, 256)))),
    );
  }

  #ask(question: InteractiveQuestion): Observable<unknown> {
    return defer(() => {
      const answers = this.#answer(question);
      // a list of texts is the answer itself, though rxjs would take it for a source of texts
      return answers === undefined || isList(answers) ? of(answers) : from(answers);
    }).pipe(take(1), defaultIfEmpty(undefined));
  }

  #move(answers: unknown, count: number): ClientMove {
    if (answers === undefined) return this.#giveUp('no answer');
    if (!isList(answers) || answers.length !== count)
      return this.#giveUp(`not one answer for each of ${String(count)} prompts`);
    const responses = answers.map((response) => ({ response }));
    return { type: 'response', message: { type: 'USERAUTH_INFO_RESPONSE', responses } };
  }

  #giveUp(reason: string): ClientMove {
    this.#isWorthwhile = false;
    return { type: 'attempt', attempt: { outcome: 'skipped', reason } };
  }
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** The server's half: the request says next to nothing, the policy asks. */
export const keyboardInteractiveServer: ServerMethod = {
  name: 'keyboard-interactive',
  examine({ methodData }) {
    const names = interactiveData.decode(methodData).submethods.split(',', MAX_SUBMETHODS);
    const submethods = names.filter((name) => name !== '');
    return { type: 'ask', credential: { method: 'keyboard-interactive', submethods } };
  },
};
