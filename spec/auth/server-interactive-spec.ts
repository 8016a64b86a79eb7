/** The server's keyboard-interactive (RFC 4256) and its change of a password (RFC 4252 §8), against messages written by hand. */
import { describe, expect, it } from '@jest/globals';
import {
  concatMap,
  delay,
  EMPTY,
  map,
  merge,
  NEVER,
  Observable,
  type ObservableInput,
  of,
  Subject,
  switchMap,
  tap,
  timer,
} from 'rxjs';
import type { AuthAttemptInfo, AuthDecision, Challenge } from '../../src/auth/policy.ts';
import type { ServerAuthOptions } from '../../src/auth/server-options.ts';
import type { Message } from '../../src/messages/catalogue.ts';
import {
  interactiveData,
  passwordData,
  USERAUTH_CLIENT_MESSAGES,
  USERAUTH_METHOD_MESSAGES,
} from '../../src/messages/userauth.ts';
import { Writer } from '../../src/wire/writer.ts';
import { Clock } from '../support/clock.ts';
import { pause, type RawClient, until, withRawClient } from './logins.ts';

const NOTHING = new Uint8Array(0);
const REQUEST = interactiveData.encode({ languageTag: '', submethods: '' });
const METHODS = ['keyboard-interactive', 'password'];

type Ask = (challenge: Challenge) => Observable<readonly string[]>;

/** A server that decides about keyboard-interactive like `decide`, and denies everything else. */
function asking(
  decide: (ask: Ask, attempt: AuthAttemptInfo) => ObservableInput<AuthDecision>,
  more: Partial<ServerAuthOptions> = {},
): ServerAuthOptions {
  return {
    methods: METHODS,
    failureDelay: 0,
    authenticate: (attempt) =>
      attempt.method === 'keyboard-interactive'
        ? decide((challenge) => attempt.ask(challenge), attempt)
        : of(false),
    ...more,
  };
}

function begin({ transport }: RawClient, submethods = ''): void {
  const rows = USERAUTH_METHOD_MESSAGES['keyboard-interactive'];
  transport.enterPhase('userauth', [...USERAUTH_CLIENT_MESSAGES, ...rows]);
  send(transport, 'keyboard-interactive', interactiveData.encode({ languageTag: '', submethods }));
}

function send(
  transport: RawClient['transport'],
  methodName: string,
  methodData: Uint8Array,
  userName = 'me',
): void {
  const serviceName = 'ssh-connection';
  transport.send({ type: 'USERAUTH_REQUEST', userName, serviceName, methodName, methodData });
}

function respond({ transport }: RawClient, ...responses: readonly string[]): void {
  const items = responses.map((response) => ({ response }));
  transport.send({ type: 'USERAUTH_INFO_RESPONSE', responses: items });
}

function password(text: string, fresh?: string): Uint8Array {
  const rest = fresh === undefined ? NOTHING : new Writer().utf8(fresh).bytes();
  return passwordData.encode({ change: fresh !== undefined, password: text, rest });
}

const code = (ask: Ask): Observable<AuthDecision> =>
  ask({ prompts: [{ prompt: 'Code: ', echo: true }] }).pipe(map(([text]) => text === '42'));

describe('keyboard-interactive', () => {
  it('asks what the policy asks, as many rounds as it likes, then decides', async () => {
    const options = asking((ask, attempt) => {
      expect(attempt).toMatchObject({ user: 'me', submethods: ['pam', 'otp'] });
      return ask({
        ...{ name: 'Login', instruction: 'Two things' },
        prompts: [{ prompt: 'Password: ' }, { prompt: 'Code: ', echo: true }],
      }).pipe(
        switchMap(([first, second]) => ask({ instruction: `${first} ${second}` })),
        switchMap((none) => {
          expect(none).toEqual([]);
          return ask({ prompts: [{ prompt: 'Sure? ' }] });
        }),
        map(([sure]) => ({ accept: true, context: sure })),
      );
    });
    await withRawClient(options, async (client) => {
      begin(client, 'pam,,otp');
      await client.answered(1);
      respond(client, 'geheim', 'ü');
      await client.answered(2);
      respond(client);
      await client.answered(3);
      respond(client, 'yes');
      await client.answered(4);
      const questions: readonly Partial<Message>[] = [
        {
          ...{ type: 'USERAUTH_INFO_REQUEST', name: 'Login', instruction: 'Two things' },
          prompts: [
            { prompt: 'Password: ', echo: false },
            { prompt: 'Code: ', echo: true },
          ],
        },
        { type: 'USERAUTH_INFO_REQUEST', instruction: 'geheim ü', prompts: [] },
        { type: 'USERAUTH_INFO_REQUEST', prompts: [{ prompt: 'Sure? ', echo: false }] },
        { type: 'USERAUTH_SUCCESS' },
      ];
      expect(client.answers).toMatchObject(questions);
      expect(client.server).toMatchObject([
        { value: { user: 'me', method: 'keyboard-interactive', context: 'yes' } },
      ]);
    });
  });

  it('counts a wrong answer as a failure', async () => {
    await withRawClient(asking(code, { maxFailures: 2 }), async (client) => {
      begin(client);
      await client.answered(1);
      respond(client, '41');
      expect(await client.answered(2)).toEqual(['USERAUTH_INFO_REQUEST', 'USERAUTH_FAILURE']);
      begin(client);
      await client.answered(3);
      respond(client, '43');
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
    });
  });

  it('is refused where it is not offered, without asking', async () => {
    const options = asking(() => of(true), { methods: ['password'] });
    await withRawClient(options, async (client) => {
      begin(client);
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
    });
  });

  it.each([
    ['too few', ['a']],
    ['too many', ['a', 'b', 'c']],
    ['none', []],
  ])('refuses %s answers without telling the policy (AS15)', async (_what, responses) => {
    let isCalledOff = false;
    const prompts = [{ prompt: 'a' }, { prompt: 'b' }];
    const options = asking((ask) =>
      merge(
        ask({ prompts }).pipe(map(() => true)),
        new Observable<AuthDecision>(() => () => (isCalledOff = true)),
      ),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      respond(client, ...responses);
      expect(await client.answered(2)).toEqual(['USERAUTH_INFO_REQUEST', 'USERAUTH_FAILURE']);
      expect(isCalledOff).toBe(true);
      expect(client.server).toEqual([]);
    });
  });

  it('refuses an answer past 1024 bytes without telling the policy (AS14)', async () => {
    const answers: string[] = [];
    const options = asking((ask) =>
      ask({ prompts: [{ prompt: 'a' }] }).pipe(map(([text = '']) => answers.push(text) > 0)),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      respond(client, 'ü'.repeat(513));
      await client.answered(2);
      begin(client);
      await client.answered(3);
      respond(client, 'ü'.repeat(512));
      expect((await client.answered(4)).at(-1)).toBe('USERAUTH_SUCCESS');
      expect(answers).toEqual(['ü'.repeat(512)]);
    });
  });

  it.each<[string, (client: RawClient) => void]>([
    ['before anything', () => undefined],
    [
      'while the policy is at work',
      ({ transport }) => send(transport, 'keyboard-interactive', REQUEST),
    ],
  ])('ends the connection on an answer without a question (AS15): %s', async (_when, prepare) => {
    await withRawClient(
      asking(() => NEVER),
      async (client) => {
        prepare(client);
        respond(client, 'x');
        expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
        expect(client.server).toMatchObject([{ error: { kind: 'protocol' } }]);
      },
    );
  });

  it('takes one answer to a question (AS15)', async () => {
    const options = asking((ask) =>
      ask({ prompts: [{ prompt: 'a' }] }).pipe(switchMap(() => NEVER)),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      respond(client, 'x');
      respond(client, 'x');
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
    });
  });

  it('passes over an answer that crosses the decision', async () => {
    const options = asking((ask) =>
      merge(
        ask({ prompts: [{ prompt: 'a' }] }).pipe(map(() => true)),
        timer(5).pipe(map(() => false)),
      ),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      expect(await client.answered(2)).toEqual(['USERAUTH_INFO_REQUEST', 'USERAUTH_FAILURE']);
      respond(client, 'late');
      begin(client);
      expect((await client.answered(3)).at(-1)).toBe('USERAUTH_INFO_REQUEST');
      expect(client.ended).toEqual([]);
    });
  });

  it('gives way to another request, and counts as a failure', async () => {
    let calledOff = 0;
    const options = asking(
      (ask, { user }) =>
        new Observable<AuthDecision>((policy) => {
          policy.add(code(ask).subscribe(policy));
          policy.add(() => user === 'me' && calledOff++);
        }),
      { maxFailures: 3 },
    );
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      begin(client);
      await client.answered(2);
      expect(calledOff).toBe(1);
      respond(client, '42');
      expect((await client.answered(3)).at(-1)).toBe('USERAUTH_SUCCESS');
      expect(client.server).toMatchObject([
        { value: { attempts: [{ outcome: 'rejected', reason: 'abandoned' }] } },
      ]);
    });
    await withRawClient(options, async (client) => {
      for (let count = 1; count <= 3; count++) {
        begin(client);
        await client.answered(count);
      }
      begin(client);
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
    });
  });

  it('does not take the decision about one request for another (AS4)', async () => {
    const asked: string[] = [];
    const decide = new Subject<AuthDecision>();
    let isArmed = false;
    // within the very turn in which the next request is looked at
    const trace = (): void => {
      if (isArmed) decide.next(true);
    };
    const options = asking((ask, { user }) => {
      asked.push(user);
      return user === 'me' ? merge(decide, code(ask)) : NEVER;
    });
    await withRawClient(
      options,
      async (client) => {
        begin(client);
        await client.answered(1);
        isArmed = true;
        send(client.transport, 'keyboard-interactive', REQUEST, 'admin');
        await until(() => asked.length === 2);
        await pause(5);
        expect(asked).toEqual(['me', 'admin']);
        expect(client.server).toEqual([]);
      },
      { trace },
    );
  });

  it('asks nobody when the client has gone on already', async () => {
    const options = asking((ask) =>
      of(undefined).pipe(
        delay(5),
        concatMap(() => code(ask)),
      ),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      send(client.transport, 'password', password('x'));
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
      expect(client.answers).toMatchObject([{ methodsThatCanContinue: METHODS }]);
    });
  });

  it.each<[string, Challenge]>([
    ['more than 64 prompts', { prompts: Array.from({ length: 65 }, () => ({ prompt: 'a' })) }],
    ['a prompt without text', { prompts: [{ prompt: '' }] }],
    ['too much', { name: 'x'.repeat(8190), prompts: [{ prompt: 'abc' }] }],
    ['what is no text', { prompts: [{ prompt: 7 as unknown as string }] }],
    ['prompts that are none', { prompts: 7 as unknown as [] }],
  ])('denies when the policy asks %s', async (_what, challenge) => {
    await withRawClient(
      asking((ask) => ask(challenge).pipe(map(() => true))),
      async (client) => {
        begin(client);
        expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
      },
    );
  });

  it('denies when the policy asks two things at once', async () => {
    const question = { prompts: [{ prompt: 'a' }] };
    const both = (ask: Ask): Observable<boolean> =>
      merge(ask(question), ask(question)).pipe(map(() => true));
    await withRawClient(asking(both), async (client) => {
      begin(client);
      expect((await client.answered(2)).at(-1)).toBe('USERAUTH_FAILURE');
    });
  });

  it('lets no question out after the decision', async () => {
    const errors: unknown[] = [];
    let late: Ask | undefined;
    const options = asking((ask) => {
      late = ask;
      return of(false);
    });
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      late?.({ prompts: [{ prompt: 'a' }] }).subscribe({
        error: (error: unknown) => errors.push(error),
      });
      expect(errors).toMatchObject([{ kind: 'released' }]);
      await pause();
      expect(client.answers).toHaveLength(1);
    });
  });

  it.each<[string, (client: RawClient) => void]>([
    ['the client goes away', ({ transport }) => transport.disconnect()],
    ['the connection breaks', ({ transport }) => transport.fail(new Error('cut') as never)],
  ])('calls the policy off when %s', async (_when, end) => {
    let isCalledOff = false;
    const options = asking((ask) =>
      merge(code(ask), new Observable<AuthDecision>(() => () => (isCalledOff = true))),
    );
    await withRawClient(options, async (client) => {
      begin(client);
      await client.answered(1);
      end(client);
      await until(() => isCalledOff);
      expect(isCalledOff).toBe(true);
    });
  });

  it('ends with the login grace time', async () => {
    const scheduler = new Clock();
    const body = async (client: RawClient): Promise<void> => {
      begin(client);
      await client.answered(1);
      await scheduler.pass(40);
      await client.closed();
      expect(client.server).toMatchObject([{ error: { kind: 'timeout' } }]);
    };
    await withRawClient(asking(code, { loginGraceTime: 40 }), body, { scheduler });
  });

  it('counts answers as requests (AS12)', async () => {
    const forever = (ask: Ask): Observable<boolean> => ask({}).pipe(switchMap(() => forever(ask)));
    await withRawClient(asking(forever, { maxRequests: 8 }), async (client) => {
      begin(client);
      for (let count = 1; count <= 7; count++) {
        await client.answered(count);
        respond(client);
      }
      await client.answered(8);
      respond(client);
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
    });
  });

  it('counts the delay of a failure from the answer', async () => {
    const scheduler = new Clock();
    let isDecided = false;
    const decide = (ask: Ask): Observable<AuthDecision> =>
      code(ask).pipe(tap(() => (isDecided = true)));
    const body = async (client: RawClient): Promise<void> => {
      begin(client);
      await client.answered(1);
      // the time that the user takes is nobody's secret, and shortens the delay no more than it lengthens it
      await scheduler.pass(105);
      respond(client, '41');
      await until(() => isDecided);
      await scheduler.pass(99);
      expect(client.answers).toHaveLength(1);
      await scheduler.pass(101);
      expect(await client.answered(2)).toHaveLength(2);
    };
    await withRawClient(asking(decide, { failureDelay: 100 }), body, { scheduler });
  });

  it.each<[string, (ask: Ask) => ObservableInput<unknown>]>([
    ['completes without a decision', (ask) => ask({}).pipe(switchMap(() => EMPTY))],
    ['emits the answers', (ask) => ask({})],
    ['wants a password changed', () => of({ changePassword: true, prompt: 'x' })],
    [
      'throws',
      (ask) =>
        ask({}).pipe(
          map(() => {
            throw new Error('bug');
          }),
        ),
    ],
  ])('denies when the policy %s (AS23)', async (_what, decide) => {
    const options = asking(decide as (ask: Ask) => ObservableInput<AuthDecision>);
    await withRawClient(options, async (client) => {
      begin(client);
      if ((await client.answered(1)).at(-1) === 'USERAUTH_INFO_REQUEST') respond(client);
      await until(() => client.answers.at(-1)?.type === 'USERAUTH_FAILURE');
      expect(client.answers.at(-1)).toMatchObject({
        type: 'USERAUTH_FAILURE',
        partialSuccess: false,
      });
      expect(client.server).toEqual([]);
    });
  });
});

describe('a password that has to be changed', () => {
  const expired = { changePassword: true, prompt: 'Your password has expired' } as const;
  const changing = (asked: AuthAttemptInfo[] = []): ServerAuthOptions => ({
    failureDelay: 0,
    authenticate: (attempt) => {
      asked.push(attempt);
      if (attempt.method !== 'password' || attempt.password !== 'old') return false;
      const { newPassword } = attempt;
      if (newPassword === undefined) return expired;
      return newPassword === 'weak' ? { changePassword: true, prompt: 'Too weak' } : true;
    },
  });
  const ready = ({ transport }: RawClient): RawClient['transport'] => {
    const rows = USERAUTH_METHOD_MESSAGES.password;
    transport.enterPhase('userauth', [...USERAUTH_CLIENT_MESSAGES, ...rows]);
    return transport;
  };

  it('is asked for, again while it will not do, and then lets in', async () => {
    await withRawClient(changing(), async (client) => {
      const transport = ready(client);
      send(transport, 'password', password('old'));
      send(transport, 'password', password('old', 'weak'));
      send(transport, 'password', password('old', 'strong'));
      await client.answered(3);
      expect(client.answers).toMatchObject([
        { type: 'USERAUTH_PASSWD_CHANGEREQ', prompt: 'Your password has expired' },
        { type: 'USERAUTH_PASSWD_CHANGEREQ', prompt: 'Too weak' },
        { type: 'USERAUTH_SUCCESS' },
      ]);
      expect(client.server).toMatchObject([{ value: { method: 'password' } }]);
    });
  });

  it.each<[string, readonly (readonly [Uint8Array, string])[]]>([
    ['nobody has asked for', [[password('old', 'new'), 'me']]],
    [
      'another user was asked for',
      [
        [password('old'), 'you'],
        [password('old', 'new'), 'me'],
      ],
    ],
    [
      'is empty',
      [
        [password('old'), 'me'],
        [password('old', ''), 'me'],
      ],
    ],
    [
      'is longer than 1024 bytes (AS14)',
      [
        [password('old'), 'me'],
        [password('old', 'x'.repeat(1025)), 'me'],
      ],
    ],
  ])('is not changed into one that %s', async (_what, requests) => {
    const asked: AuthAttemptInfo[] = [];
    await withRawClient(changing(asked), async (client) => {
      const transport = ready(client);
      for (const [data, user] of requests) send(transport, 'password', data, user);
      expect((await client.answered(requests.length)).at(-1)).toBe('USERAUTH_FAILURE');
      expect(asked.every((attempt) => !('newPassword' in attempt))).toBe(true);
    });
  });

  it.each<[string, Uint8Array]>([
    ['is missing', passwordData.encode({ change: true, password: 'old', rest: NOTHING })],
    [
      'has bytes behind it',
      passwordData.encode({ change: true, password: 'old', rest: new Uint8Array(5) }),
    ],
  ])('ends the connection when the new one %s', async (_what, data) => {
    await withRawClient(changing(), async (client) => {
      send(ready(client), 'password', data);
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 2 } });
    });
  });

  it('does not count as a failure, but as a request (AS12)', async () => {
    await withRawClient({ ...changing(), maxFailures: 1, maxRequests: 3 }, async (client) => {
      const transport = ready(client);
      for (let count = 0; count < 4; count++) send(transport, 'password', password('old'));
      expect(await client.closed()).toMatchObject({ detail: { reasonCode: 14 } });
      expect(client.answers.map(({ type }) => type)).toEqual(
        Array.from({ length: 3 }, () => 'USERAUTH_PASSWD_CHANGEREQ'),
      );
    });
  });

  it.each<[string, unknown]>([
    ['without a prompt', { changePassword: true }],
    ['with a prompt too long', { changePassword: true, prompt: 'x'.repeat(8193) }],
    ['with a prompt that is no text', { changePassword: true, prompt: 7 }],
    ['that is not true', { changePassword: 'yes', prompt: 'x' }],
    ['along with consent', { changePassword: true, prompt: 'x', accept: true }],
  ])('is not what a decision %s says (AS23)', async (_what, decision) => {
    const authenticate = (): AuthDecision => decision as AuthDecision;
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(ready(client), 'password', password('old'));
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
    });
  });
});

describe('the permissions of a decision (AS23)', () => {
  it.each<[string, unknown]>([
    ['misspelt', { no_pty: true }],
    ['no object', 'no-pty'],
    ['a Map', new Map([['pty', false]])],
    ['flags that are none', { pty: 0 }],
  ])('deny when they are %s', async (_what, permissions) => {
    const authenticate = (): AuthDecision => ({ accept: true, permissions }) as AuthDecision;
    await withRawClient({ authenticate, failureDelay: 0 }, async (client) => {
      send(client.transport, 'password', password('x'));
      expect(await client.answered(1)).toEqual(['USERAUTH_FAILURE']);
    });
  });

  it('of every factor hold together (AS6)', async () => {
    const options: ServerAuthOptions = {
      methods: METHODS,
      authenticate: (attempt) =>
        attempt.method === 'keyboard-interactive'
          ? attempt.ask({}).pipe(map(() => ({ accept: true, permissions: { pty: false } })))
          : {
              ...{ partial: true, methodsLeft: ['keyboard-interactive'] },
              permissions: { command: 'date' },
            },
    };
    await withRawClient(options, async (client) => {
      send(client.transport, 'password', password('x'));
      await client.answered(1);
      begin(client);
      await client.answered(2);
      respond(client);
      await client.answered(3);
      const permissions = { command: 'date', pty: false, portForwarding: false };
      expect(client.server).toMatchObject([{ value: { permissions } }]);
    });
  });
});
