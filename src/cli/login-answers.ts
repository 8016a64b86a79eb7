/** What the person at the terminal, or the environment, answers when a server wants a secret or asks questions. */
import { defer, EMPTY, type Observable, of, switchMap } from 'rxjs';
import {
  type ConnectOptions,
  escapeText,
  type InteractiveQuestion,
  type PasswordChangeQuestion,
  type PasswordSource,
} from '../node.ts';
import type { CliIo, Messages } from './io.ts';
import type { Settings } from './settings.ts';
import { nobody, type Prompter } from './terminal.ts';
import { integer } from './values.ts';

/** The options of `connect` by which a login is answered. */
export type Answers = Pick<
  ConnectOptions,
  'password' | 'passwordTries' | 'changePassword' | 'keyboardInteractive'
>;

/** What is asked for again when it was not typed twice alike. */
const MAX_CHANGE_TRIES = 3;

/** RXSSH_PASSWORD at first, then whoever is at the terminal. */
export function answersFor(
  settings: Settings,
  { env, terminal }: Pick<CliIo, 'env' | 'terminal'>,
  messages: Messages,
): (user: string, host: string) => Answers {
  const known = env['RXSSH_PASSWORD'];
  const prompts =
    settings.first('NumberOfPasswordPrompts', (key, value) => integer(key, value, 0, 1000)) ?? 3;
  const isAsked = terminal !== undefined && prompts > 0;
  return (user, host) => {
    const who = escapeText(`${user}@${host.replace(/^.*@/, '')}`);
    const prompter = isAsked ? terminal : nobody;
    return {
      ...(known === undefined && !isAsked
        ? {}
        : {
            password: passwordSource(known, prompter, who, messages),
            passwordTries: (known === undefined ? 0 : 1) + (terminal === undefined ? 0 : prompts),
            keyboardInteractive: interactive(known, prompter, who, messages),
          }),
      ...(isAsked ? { changePassword: newPassword(terminal, who, messages) } : {}),
    };
  };
}

function passwordSource(
  known: string | undefined,
  terminal: Prompter,
  who: string,
  messages: Messages,
): PasswordSource {
  return ({ attempt }) => {
    if (known !== undefined && attempt === 1) return known;
    if (attempt > 1) messages.notice(`${who}: the password was rejected`);
    return terminal.ask(`${who}'s password: `, { isSecret: true });
  };
}

/** A new password, typed twice; whoever ends the input gives up. */
function newPassword(
  terminal: Prompter,
  who: string,
  messages: Messages,
): NonNullable<Answers['changePassword']> {
  const secret = (question: string): Observable<string> =>
    terminal.ask(`${who}: ${question}: `, { isSecret: true });
  const ask = (left: number): Observable<string> =>
    secret('new password').pipe(
      switchMap((first) =>
        secret('the new password again').pipe(
          switchMap((second) => {
            if (first === second) return of(first);
            messages.error('the passwords are not the same');
            return left > 1 ? ask(left - 1) : EMPTY;
          }),
        ),
      ),
    );
  return ({ prompt }: PasswordChangeQuestion) =>
    defer(() => {
      saidBy(who, prompt, messages);
      return ask(MAX_CHANGE_TRIES);
    });
}

/**
 * Questions one after the other; whoever ends the input at one of them is asked no more, and gives up. A single hidden one is for
 * the password, as it is to `ssh` without a terminal: the one that is known answers it, at first.
 */
function interactive(
  known: string | undefined,
  terminal: Prompter,
  who: string,
  messages: Messages,
): NonNullable<Answers['keyboardInteractive']> {
  return ({ attempt, round, name, instruction, prompts }: InteractiveQuestion) => {
    const [only, second] = prompts;
    const isForPassword = only?.echo === false && second === undefined;
    if (known !== undefined && isForPassword && attempt === 1 && round === 1) return [known];
    const ask = (answers: readonly string[]): Observable<readonly string[]> => {
      const next = prompts[answers.length];
      if (next === undefined) return of(answers);
      const question = `(${who}) ${escapeText(next.prompt)}`;
      return terminal
        .ask(question, { isSecret: !next.echo })
        .pipe(switchMap((answer) => ask([...answers, answer])));
    };
    return defer(() => {
      saidBy(who, name, messages);
      saidBy(who, instruction, messages);
      return ask([]);
    });
  };
}

/** What a server says is shown as the server's: it must not look like a question of ours. */
export function saidBy(who: string, text: string, messages: Messages): void {
  if (text.trimEnd() === '') return;
  for (const line of text.trimEnd().split(/\r?\n/))
    messages.notice(`${who} says: ${escapeText(line)}`);
}
