import { describe, expect, it } from '@jest/globals';
import {
  type ClientAuthEffect,
  type ClientAuthEvent,
  clientAuthReducer,
  type ClientAuthState,
  initialClientAuth,
  MAX_BANNER_LENGTH,
  MAX_BANNERS,
  MAX_REQUESTS,
} from '../../src/auth/client-state.ts';
import { isSshError } from '../../src/errors.ts';
import type { Message } from '../../src/messages/catalogue.ts';

const plans = [
  { name: 'none', hasManyCredentials: false },
  { name: 'publickey', hasManyCredentials: true },
  { name: 'password', hasManyCredentials: false },
];
const nothing = new Uint8Array(0);

const accepted: ClientAuthEvent = { type: 'service-accepted', serviceName: 'ssh-userauth' };
const request: ClientAuthEvent = { type: 'request', methodData: nothing };
const exhausted: ClientAuthEvent = { type: 'exhausted' };
const success = received({ type: 'USERAUTH_SUCCESS' });
const pkOk = received({ type: 'USERAUTH_PK_OK', algorithm: 'ssh-ed25519', publicKey: nothing });

function received(message: Message): ClientAuthEvent {
  return { type: 'message', message };
}

function failure(methods: string, partialSuccess = false): ClientAuthEvent {
  const methodsThatCanContinue = methods === '' ? [] : methods.split(',');
  return received({ type: 'USERAUTH_FAILURE', methodsThatCanContinue, partialSuccess });
}

/** What a login does with events, shortened to what can be read in a table. */
function play(
  events: readonly ClientAuthEvent[],
  state: ClientAuthState = initialClientAuth('me', plans),
): { readonly state: ClientAuthState; readonly effects: readonly ClientAuthEffect[] } {
  const effects: ClientAuthEffect[] = [];
  for (const event of events) {
    const [next, more] = clientAuthReducer(state, event);
    state = next;
    effects.push(...more);
  }
  return { state, effects };
}

function shortened(effects: readonly ClientAuthEffect[]): readonly string[] {
  return effects.flatMap((effect) => {
    switch (effect.type) {
      case 'use-method':
        return [`use ${effect.method}`];
      case 'attempted':
        return [`${effect.attempt.method} ${effect.attempt.outcome}`];
      case 'fail':
        return [`fail ${effect.error.kind}`];
      default:
        return [effect.type];
    }
  });
}

/** Until the server has told its methods in answer to `none`. */
const learnt = (methods: string): readonly ClientAuthEvent[] => [
  accepted,
  request,
  failure(methods),
];

describe('clientAuthReducer', () => {
  it.each<[string, readonly ClientAuthEvent[], readonly string[]]>([
    ['asks with none first', [accepted], ['use none', 'prepare']],
    [
      'goes on with the first method that is offered',
      learnt('password,publickey'),
      ['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare'],
    ],
    [
      'passes over a method that is not offered',
      learnt('password'),
      ['use none', 'prepare', 'send', 'none rejected', 'use password', 'prepare'],
    ],
    [
      'ends with the first success',
      [accepted, request, success],
      ['use none', 'prepare', 'send', 'succeed'],
    ],
    [
      'takes a SERVICE_ACCEPT without a name, as old servers send it',
      [{ type: 'service-accepted', serviceName: '' }],
      ['use none', 'prepare'],
    ],
    [
      'refuses another service',
      [{ type: 'service-accepted', serviceName: 'ssh-connection' }],
      ['fail protocol'],
    ],
    [
      'refuses a second SERVICE_ACCEPT',
      [accepted, accepted],
      ['use none', 'prepare', 'fail protocol'],
    ],
    ['refuses SUCCESS before SERVICE_ACCEPT', [success], ['fail protocol']],
    [
      'refuses SUCCESS before a request',
      [accepted, success],
      ['use none', 'prepare', 'fail protocol'],
    ],
    [
      'refuses SUCCESS after a FAILURE',
      [...learnt('password'), success],
      ['use none', 'prepare', 'send', 'none rejected', 'use password', 'prepare', 'fail protocol'],
    ],
    [
      'refuses SUCCESS while the method is at work on its answer',
      [...learnt('publickey'), request, pkOk, success],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare', 'send'],
        ...['answer', 'fail protocol'],
      ],
    ],
    [
      'refuses FAILURE without a request',
      [accepted, failure('password')],
      ['use none', 'prepare', 'fail protocol'],
    ],
    [
      'refuses a message of the method without a request',
      [accepted, pkOk],
      ['use none', 'prepare', 'fail protocol'],
    ],
    [
      'asks a method again after a rejection',
      [...learnt('password'), request, failure('password')],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use password', 'prepare', 'send'],
        ...['password rejected', 'prepare'],
      ],
    ],
    [
      'leaves a method that has nothing left',
      [...learnt('publickey,password'), exhausted],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare'],
        ...['use password', 'prepare'],
      ],
    ],
    [
      'goes on with the methods left after a partial success',
      [...learnt('publickey'), request, pkOk, request, failure('password', true)],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare', 'send'],
        ...['answer', 'send', 'publickey partial', 'use password', 'prepare'],
      ],
    ],
    [
      'goes on with other keys when a key was a partial success and keys are wanted',
      [...learnt('publickey'), request, failure('publickey', true)],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare', 'send'],
        ...['publickey partial', 'prepare'],
      ],
    ],
    [
      'never repeats a password that was a partial success',
      [...learnt('password'), request, failure('password', true)],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use password', 'prepare', 'send'],
        ...['password partial', 'fail auth'],
      ],
    ],
    [
      'comes back to a method that is offered later',
      [...learnt('password'), request, failure('publickey', true)],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use password', 'prepare', 'send'],
        ...['password partial', 'use publickey', 'prepare'],
      ],
    ],
    [
      'goes on when a credential is given up',
      [
        ...learnt('publickey'),
        { type: 'attempt', attempt: { outcome: 'skipped', reason: 'the agent refuses' } },
      ],
      [
        ...['use none', 'prepare', 'send', 'none rejected', 'use publickey', 'prepare'],
        ...['publickey skipped', 'prepare'],
      ],
    ],
    [
      'ignores what comes after the end',
      [accepted, request, success, success, failure('password'), request],
      ['use none', 'prepare', 'send', 'succeed'],
    ],
  ])('%s', (_name, events, expected) => {
    expect(shortened(play(events).effects)).toEqual(expected);
  });

  it('says of each method why it has failed', () => {
    const { effects } = play([...learnt('publickey'), request, failure('publickey'), exhausted]);
    const last = effects.at(-1);
    const error = last?.type === 'fail' ? last.error : undefined;
    expect(isSshError(error, 'auth') && error.detail).toEqual({
      attempts: [
        { method: 'none', outcome: 'rejected' },
        { method: 'publickey', outcome: 'rejected' },
        { method: 'password', outcome: 'refused-type', reason: 'not offered by the server' },
      ],
      methodsLeft: ['publickey'],
    });
    expect(error?.message).toBe(
      'authentication failed for me: publickey rejected; password refused (not offered by the server); the server offers publickey',
    );
  });

  it('tells a guess at a method that the server does not have from a rejection', () => {
    const guessing = initialClientAuth('me', plans.slice(1));
    const { state } = play([accepted, request, failure('password')], guessing);
    expect(state.attempts).toEqual([{ method: 'publickey', outcome: 'refused-type' }]);
  });

  it('can refuse a server that asks for no authentication', () => {
    const asking: ClientAuthEvent = { ...request, isQuestion: true };
    const { effects } = play([accepted, asking, success], initialClientAuth('me', plans, true));
    expect(shortened(effects).slice(-2)).toEqual(['none skipped', 'fail auth']);
  });

  it('ends when a server always wants more', () => {
    const more = Array.from({ length: 2 * MAX_REQUESTS }, () => [
      request,
      failure('publickey', true),
    ]);
    const { effects } = play([...learnt('publickey'), ...more.flat()]);
    expect(effects.filter(({ type }) => type === 'send')).toHaveLength(MAX_REQUESTS);
    expect(shortened(effects).at(-1)).toBe('fail auth');
  });

  it('passes on a bounded part of the banners', () => {
    const banner = received({
      type: 'USERAUTH_BANNER',
      message: 'x'.repeat(20_000),
      languageTag: '',
    });
    const { effects } = play(Array.from({ length: 1000 }, () => banner));
    expect(effects).toHaveLength(MAX_BANNERS);
    expect(effects[0]).toEqual({ type: 'banner', text: 'x'.repeat(MAX_BANNER_LENGTH) });
  });

  it('shows no control characters of the server', () => {
    const { effects } = play([...learnt('pass\u001b[31mword')]);
    const last = effects.at(-1);
    expect(last?.type === 'fail' && last.error.message).toContain('\\x1b[31m');
  });
});
