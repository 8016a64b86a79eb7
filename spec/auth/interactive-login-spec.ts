/** Our client's keyboard-interactive (RFC 4256), at our server and at one whose answers are written by hand. */
import { describe, expect, it } from '@jest/globals';
import { concat, EMPTY, map, NEVER, of, Subject, throwError, toArray } from 'rxjs';
import type { ClientAuthOptions, InteractiveQuestion } from '../../src/auth/client-options.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import { login, until, withRawServer } from './logins.ts';

type Answer = NonNullable<ClientAuthOptions['keyboardInteractive']>;

const failure: Message = {
  ...{ type: 'USERAUTH_FAILURE', partialSuccess: false },
  methodsThatCanContinue: ['keyboard-interactive', 'password'],
};
const question = (...texts: readonly string[]): Message => ({
  ...{ type: 'USERAUTH_INFO_REQUEST', name: '', instruction: '', languageTag: '' },
  prompts: texts.map((prompt) => ({ prompt, echo: false })),
});

/** Wants `geheim`, nothing, and `42`; or the password `right`. */
const server: ServerAuthOptions = {
  failureDelay: 0,
  methods: ['keyboard-interactive', 'password'],
  authenticate: (attempt) => {
    if (attempt.method === 'password') return attempt.password === 'right';
    if (attempt.method !== 'keyboard-interactive') return false;
    return concat(
      attempt.ask({ name: 'Login', instruction: 'One', prompts: [{ prompt: 'Password: ' }] }),
      attempt.ask({ instruction: 'Two' }),
      attempt.ask({ prompts: [{ prompt: 'Code: ', echo: true }] }),
    ).pipe(
      toArray(),
      map((answers) => answers.flat().join() === 'geheim,42'),
    );
  },
};

describe('keyboard-interactive', () => {
  it('answers round by round', async () => {
    const asked: InteractiveQuestion[] = [];
    const words = ['geheim', '42'];
    const { client } = await login(
      {
        user: 'me',
        keyboardInteractive: (each) => {
          asked.push(each);
          return of(each.prompts.map(() => words.shift() ?? ''));
        },
      },
      server,
    );
    expect(client).toMatchObject({ value: { method: 'keyboard-interactive' } });
    expect(asked).toEqual([
      {
        ...{ user: 'me', attempt: 1, round: 1, name: 'Login', instruction: 'One' },
        prompts: [{ prompt: 'Password: ', echo: false }],
      },
      { user: 'me', attempt: 1, round: 1, name: '', instruction: 'Two', prompts: [] },
      {
        ...{ user: 'me', attempt: 1, round: 2, name: '', instruction: '' },
        prompts: [{ prompt: 'Code: ', echo: true }],
      },
    ]);
  });

  it('tries three times, on the same connection', async () => {
    let count = 0;
    const wrong: Answer = ({ prompts }) => {
      count++;
      return prompts.map(() => 'wrong');
    };
    const { client } = await login({ user: 'me', keyboardInteractive: wrong }, server);
    expect(client).toMatchObject({ error: { kind: 'auth' } });
    expect(count).toBe(9);
  });

  it.each<[string, Answer, string]>([
    ['is told nothing', () => undefined, 'no answer'],
    ['is told nothing later', () => EMPTY, 'no answer'],
    ['is told too much', () => ['a', 'b'], 'not one answer for each of 1 prompts'],
    ['is told what is no text', () => [7] as unknown as string[], 'not one answer'],
    ['is told a text', () => 'geheim' as unknown as string[], 'not one answer'],
    ['hears of an error', () => throwError(() => new Error('no terminal')), 'no terminal'],
    [
      'hears a throw',
      () => {
        throw new Error('bug');
      },
      'bug',
    ],
  ])('goes on to the next method when it %s', async (_what, keyboardInteractive, reason) => {
    const { client } = await login({ user: 'me', password: 'right', keyboardInteractive }, server);
    expect(client).toMatchObject({ value: { method: 'password' } });
    const attempts = 'value' in client ? client.value.attempts : [];
    const given = attempts.filter(({ method }) => method === 'keyboard-interactive');
    expect(given).toMatchObject([{ outcome: 'skipped', reason: expect.stringContaining(reason) }]);
  });

  it('does not try again where nothing was asked', async () => {
    const methods: string[] = [];
    await withRawServer(
      { user: 'me', keyboardInteractive: () => [], password: 'x' },
      ({ methodName }) => {
        methods.push(methodName);
        return [failure];
      },
      async ({ client }) => {
        await until(() => client.length > 0);
        expect(methods).toEqual(['none', 'keyboard-interactive', 'password']);
      },
    );
  });

  it('calls a person off when the connection ends', async () => {
    const person = new Subject<string[]>();
    await withRawServer(
      { user: 'me', keyboardInteractive: () => person },
      ({ methodName }) => [methodName === 'none' ? failure : question('a')],
      async ({ transport, client }) => {
        await until(() => person.observed);
        transport.disconnect();
        await until(() => client.length > 0);
        expect(person.observed).toBe(false);
      },
    );
  });

  it.each<[string, readonly Message[]]>([
    ['two questions at once', [question('a'), question('b')]],
    ['an answer', [{ type: 'USERAUTH_INFO_RESPONSE', responses: [] }]],
    ['65 prompts', [question(...Array.from({ length: 65 }, () => 'a'))]],
  ])('ends the connection when the server says %s', async (_what, messages) => {
    await withRawServer(
      { user: 'me', keyboardInteractive: () => NEVER },
      ({ methodName }) => (methodName === 'none' ? [failure] : messages),
      async ({ client }) => {
        await until(() => client.length > 0);
        expect(client).toMatchObject([{ error: { kind: 'protocol' } }]);
      },
    );
  });

  it('does not answer without end', async () => {
    let count = 0;
    await withRawServer(
      {
        user: 'me',
        keyboardInteractive: () => {
          count++;
          return [];
        },
      },
      ({ methodName }) => [methodName === 'none' ? failure : question()],
      async ({ transport, client }) => {
        const answered = transport.upper$.subscribe(({ message }) => {
          if (message?.type === 'USERAUTH_INFO_RESPONSE') transport.send(question());
        });
        await until(() => client.length > 0);
        answered.unsubscribe();
        expect(client).toMatchObject([{ error: { kind: 'auth' } }]);
        expect(count).toBeLessThan(65);
      },
    );
  });
});
