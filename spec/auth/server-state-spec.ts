import { describe, expect, it } from '@jest/globals';
import type { Credential, Verdict } from '../../src/auth/policy.ts';
import type {
  ServerAuthEffect,
  ServerAuthEvent,
  ServerAuthRules,
} from '../../src/auth/server-login.ts';
import { initialServerAuth, serverAuthReducer } from '../../src/auth/server-state.ts';
import { isSshError } from '../../src/errors.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';

const rules: ServerAuthRules = {
  service: 'ssh-connection',
  methods: ['publickey', 'password'],
  allowNone: false,
  maxFailures: 6,
  maxRequests: 64,
};
const { publicKey } = generatePrivateKey('ed25519');
const { publicKey: otherKey } = generatePrivateKey('ed25519');

function request(
  methodName: string,
  userName = 'me',
  serviceName = 'ssh-connection',
): ServerAuthEvent {
  const methodData = new Uint8Array(0);
  return {
    type: 'request',
    request: { type: 'USERAUTH_REQUEST', userName, serviceName, methodName, methodData },
  };
}

function ask(credential: Credential): ServerAuthEvent {
  return { type: 'examined', claim: { type: 'ask', credential } };
}

function verdict(value: Verdict): ServerAuthEvent {
  return { type: 'verdict', verdict: value };
}

const password = ask({ method: 'password', password: 'x' });
const keyOf = (key = publicKey, signed = true): ServerAuthEvent =>
  ask({ method: 'publickey', publicKey: key, algorithm: key.type, signed });
const accept = verdict({ type: 'accept', permissions: {} });
const deny = verdict({ type: 'deny' });
const partial = (...methodsLeft: string[]): ServerAuthEvent =>
  verdict({ type: 'partial', methodsLeft, permissions: {} });
const delayed: ServerAuthEvent = { type: 'delayed' };

function play(
  events: readonly ServerAuthEvent[],
  more: Partial<ServerAuthRules> = {},
  banner?: string,
): readonly ServerAuthEffect[] {
  let state = initialServerAuth({ ...rules, ...more }, banner);
  return events.flatMap((event) => {
    const [next, effects] = serverAuthReducer(state, event);
    state = next;
    return effects;
  });
}

function shortened(effects: readonly ServerAuthEffect[]): readonly string[] {
  return effects
    .filter(({ type }) => type !== 'began' && type !== 'attempted')
    .map((effect) => {
      switch (effect.type) {
        case 'send': {
          const { message } = effect;
          if (message.type !== 'USERAUTH_FAILURE') return message.type;
          const how = message.partialSuccess ? 'PARTIAL' : 'FAILURE';
          return `${how} ${message.methodsThatCanContinue.join(',')}`;
        }
        case 'ask-policy':
          return `ask ${effect.user}`;
        case 'succeed':
          return `succeed ${effect.admitted.user} ${effect.admitted.method}`;
        case 'fail':
          return isSshError(effect.error, 'protocol')
            ? `fail ${effect.error.detail.disconnectReason}`
            : `fail ${effect.error.kind}`;
        default:
          return effect.type;
      }
    });
}

const all = 'FAILURE publickey,password';

describe('serverAuthReducer', () => {
  it.each<[string, readonly ServerAuthEvent[], readonly string[]]>([
    ['answers the first none at once', [request('none')], [all]],
    [
      'holds the second none back',
      [request('none'), request('none'), delayed],
      [all, 'delay', all],
    ],
    [
      'lets a password in',
      [request('password'), password, accept],
      ['examine', 'ask me', 'USERAUTH_SUCCESS', 'succeed me password'],
    ],
    [
      'holds the reply to a wrong password back',
      [request('password'), password, deny, delayed],
      ['examine', 'ask me', 'delay', all],
    ],
    [
      'answers a question about a key with PK_OK and nothing more',
      [request('publickey'), keyOf(publicKey, false), accept],
      ['examine', 'ask me', 'USERAUTH_PK_OK'],
    ],
    [
      'takes a partial verdict on a question about a key as a yes to the question',
      [request('publickey'), keyOf(publicKey, false), partial('password')],
      ['examine', 'ask me', 'USERAUTH_PK_OK'],
    ],
    [
      'lets a verified key in',
      [request('publickey'), keyOf(), accept],
      ['examine', 'ask me', 'USERAUTH_SUCCESS', 'succeed me publickey'],
    ],
    [
      'refuses a method that is not offered without asking',
      [request('hostbased'), delayed],
      ['delay', all],
    ],
    [
      'refuses what the method refuses',
      [
        request('password'),
        { type: 'examined', claim: { type: 'refuse', reason: 'too long' } },
        delayed,
      ],
      ['examine', 'delay', all],
    ],
    ['disconnects another service', [request('password', 'me', 'ssh-agent')], ['fail 7']],
    ['disconnects an empty service', [request('none', 'me', '')], ['fail 7']],
    [
      'wants the methods left after a partial success, and no others',
      [
        ...[request('publickey'), keyOf(), partial('password')],
        ...[request('publickey'), delayed, request('password'), password, accept],
      ],
      [
        ...['examine', 'ask me', 'PARTIAL password', 'delay', 'FAILURE password'],
        ...['examine', 'ask me', 'USERAUTH_SUCCESS', 'succeed me password'],
      ],
    ],
    [
      'does not take one key for two',
      [
        ...[request('publickey'), keyOf(), partial('publickey')],
        ...[request('publickey'), keyOf(), delayed, request('publickey'), keyOf(otherKey), accept],
      ],
      [
        ...['examine', 'ask me', 'PARTIAL publickey', 'examine', 'delay', 'FAILURE publickey'],
        ...['examine', 'ask me', 'USERAUTH_SUCCESS', 'succeed me publickey'],
      ],
    ],
    [
      'does not take one password for two',
      [request('password'), password, partial('password'), request('password'), password, delayed],
      ['examine', 'ask me', 'PARTIAL password', 'examine', 'delay', 'FAILURE password'],
    ],
    [
      'disconnects another user after a partial success',
      [request('publickey'), keyOf(), partial('password'), request('password', 'root')],
      ['examine', 'ask me', 'PARTIAL password', 'fail 2'],
    ],
    [
      'lets another user try before a partial success',
      [request('password'), password, deny, delayed, request('password', 'you'), password, accept],
      [
        ...['examine', 'ask me', 'delay', all],
        ...['examine', 'ask you', 'USERAUTH_SUCCESS', 'succeed you password'],
      ],
    ],
    [
      'looks at one request at a time',
      [
        request('password', 'a'),
        request('password', 'b'),
        password,
        deny,
        delayed,
        password,
        accept,
      ],
      [
        ...['examine', 'ask a', 'delay', all],
        ...['examine', 'ask b', 'USERAUTH_SUCCESS', 'succeed b password'],
      ],
    ],
    [
      'forgets what waits when it has let someone in',
      [request('password', 'a'), request('password', 'b'), password, accept, password, accept],
      ['examine', 'ask a', 'USERAUTH_SUCCESS', 'succeed a password'],
    ],
    [
      'disconnects when too many wait',
      [request('password'), ...Array.from({ length: 17 }, () => request('password'))],
      ['examine', 'fail 2'],
    ],
    ['ignores a verdict that nobody waits for', [accept, request('password'), accept], ['examine']],
  ])('%s', (_name, events, expected) => {
    expect(shortened(play(events))).toEqual(expected);
  });

  it.each([
    '',
    'a\0b',
    'a\nb',
    '..',
    '../x',
    'a/../b',
    'a\\..',
    '\u009b31m',
    'x'.repeat(256),
    'ü'.repeat(128),
  ])('refuses the user name %j without asking', (user) => {
    expect(shortened(play([request('password', user), delayed]))).toEqual(['delay', all]);
  });

  it.each(['a', 'DOMAIN\\user', 'user@host', 'git/user', 'a..b', 'x'.repeat(255), 'ü'])(
    'asks about the user name %j',
    (user) => {
      expect(shortened(play([request('password', user)]))).toEqual(['examine']);
    },
  );

  it('disconnects at the sixth failure, none apart', () => {
    const tries = Array.from({ length: 7 }, () => [request('password'), password, deny, delayed]);
    const effects = shortened(play([request('none'), ...tries.flat()]));
    expect(effects.filter((effect) => effect === all)).toHaveLength(6);
    expect(effects.at(-1)).toBe('fail auth');
  });

  it('counts questions about keys as requests and not as failures', () => {
    const question = [request('publickey'), keyOf(publicKey, false), deny, delayed];
    const effects = shortened(play(Array.from({ length: 70 }, () => question).flat()));
    expect(effects.filter((effect) => effect === all)).toHaveLength(64);
    expect(effects.at(-1)).toBe('fail auth');
  });

  it('counts every SERVICE_REQUEST', () => {
    const again: ServerAuthEvent = { type: 'service-request' };
    expect(shortened(play(Array.from({ length: 65 }, () => again)))).toEqual(['fail auth']);
  });

  it('sends the banner once, before its first reply', () => {
    expect(shortened(play([request('none'), request('none')], {}, 'hello'))).toEqual([
      ...['USERAUTH_BANNER', all, 'delay'],
    ]);
  });

  it('examines none only where it is allowed, and not as the rest of something', () => {
    const none = ask({ method: 'none' });
    expect(shortened(play([request('none'), none, accept], { allowNone: true }))).toEqual([
      ...['examine', 'ask me', 'USERAUTH_SUCCESS', 'succeed me none'],
    ]);
    const after = [request('publickey'), keyOf(), partial('password'), request('none')];
    expect(shortened(play(after, { allowNone: true })).at(-1)).toBe('FAILURE password');
  });
});
