/** `password` (RFC 4252 §8). */
import { catchError, EMPTY, map, type Observable, of } from 'rxjs';
import { escapeText, protocolError, toError } from '../../errors.ts';
import type { Message } from '../../messages/catalogue.ts';
import { passwordData, USERAUTH_METHOD_MESSAGES } from '../../messages/userauth.ts';
import { Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import { askForText } from '../answers.ts';
import type { ClientMethod, ClientMethodContext, ClientMove } from '../client-method.ts';
import type { ClientAuthOptions } from '../client-options.ts';
import { isTooLong, type ServerMethod } from '../server-method.ts';

/** How often a function is asked for a password when nothing else is said. */
const DEFAULT_TRIES = 3;
const NOTHING = new Uint8Array(0);

/** The client's half; `undefined` without a password. */
export function passwordClient({ options }: ClientMethodContext): ClientMethod | undefined {
  return options.password === undefined ? undefined : new PasswordClient(options);
}

class PasswordClient implements ClientMethod {
  readonly name = 'password';
  readonly rows = USERAUTH_METHOD_MESSAGES.password;
  readonly hasManyCredentials = false;
  readonly #options: ClientAuthOptions;
  readonly #tries: number;
  #asked = 0;
  #isUsedUp = false;
  #password = '';

  constructor(options: ClientAuthOptions) {
    this.#options = options;
    const { password, passwordTries = DEFAULT_TRIES } = options;
    this.#tries = typeof password === 'function' ? passwordTries : 1;
  }

  next(): Observable<ClientMove> {
    if (this.#isUsedUp || this.#asked >= this.#tries) return EMPTY;
    this.#asked++;
    const { user, password: source } = this.#options;
    const question = { user, attempt: this.#asked };
    return askForText(() => (typeof source === 'function' ? source(question) : source)).pipe(
      map((password) =>
        password === undefined ? this.#giveUp('skipped', 'no answer') : this.#request(password),
      ),
      catchError((error: unknown) => of(this.#giveUp('skipped', failureText(error)))),
    );
  }

  refused(outcome: 'rejected' | 'refused-type'): void {
    if (outcome === 'refused-type') this.#asked--;
  }

  answer(message: Message): Observable<ClientMove> {
    if (message.type !== 'USERAUTH_PASSWD_CHANGEREQ')
      throw protocolError(`${message.type} in answer to password`);
    const { prompt, languageTag } = message;
    const question = { user: this.#options.user, prompt, languageTag };
    // without anyone to ask there is no new password, and the old one is not sent again
    return askForText(() => this.#options.changePassword?.(question)).pipe(
      map((fresh) =>
        fresh === undefined
          ? this.#giveUp('rejected', 'password change required')
          : this.#change(fresh),
      ),
      catchError((error: unknown) => of(this.#giveUp('rejected', failureText(error)))),
    );
  }

  #request(password: string): ClientMove {
    this.#password = password;
    const methodData = passwordData.encode({ change: false, password, rest: NOTHING });
    return { type: 'request', methodData };
  }

  #change(fresh: string): ClientMove {
    const rest = new Writer().utf8(fresh).bytes();
    const methodData = passwordData.encode({ change: true, password: this.#password, rest });
    return { type: 'request', methodData, with: 'a new password' };
  }

  #giveUp(outcome: 'rejected' | 'skipped', reason: string): ClientMove {
    this.#isUsedUp = true;
    return { type: 'attempt', attempt: { outcome, reason } };
  }
}

function failureText(error: unknown): string {
  return `no password: ${escapeText(toError(error).message, 256)}`;
}

/** The server's half. */
export const passwordServer: ServerMethod = {
  name: 'password',
  examine({ methodData }, { allowEmptyPassword }) {
    const { change, password, rest } = passwordData.decode(methodData);
    const newPassword = change ? readNewPassword(rest) : undefined;
    if (!change && rest.length > 0) throw protocolError('password request with bytes left over');
    if (isTooLong(password) || isTooLong(newPassword ?? ''))
      return { type: 'refuse', reason: 'password too long' };
    if ((password === '' && !allowEmptyPassword) || newPassword === '')
      return { type: 'refuse', reason: 'empty password' };
    const credential = { method: 'password', password } as const;
    return {
      type: 'ask',
      credential: newPassword === undefined ? credential : { ...credential, newPassword },
    };
  },
};

function readNewPassword(rest: Uint8Array): string {
  const reader = new Reader(rest, 'password request');
  const newPassword = reader.utf8();
  reader.end();
  return newPassword;
}
