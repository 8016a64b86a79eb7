/** The order of a key exchange as a table: state and event → state and effects. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import type { KexMessage } from '../../src/messages/kex.ts';
import type { KexInit } from '../../src/messages/transport.ts';
import {
  initialKexState,
  type KexEffect,
  type KexEvent,
  kexProgress,
  kexReducer,
  type KexState,
  type KexStep,
  type KexTransition,
} from '../../src/transport/kex-state.ts';
import { buildKexInit, type Negotiation } from '../../src/transport/negotiation.ts';
import { peerOf, type Role } from '../../src/transport/role.ts';

const ROLES: readonly Role[] = ['client', 'server'];
const STEPS: readonly KexStep[] = [
  'idle',
  'proposed',
  'exchanging',
  'settling',
  'awaiting-newkeys',
];
const MARKERS = /^(ext-info|kex-strict)-/;

/** A KEXINIT of the peer of `role`. */
function peerInit(role: Role, { marked = true } = {}): KexInit {
  const names = ['kex'];
  const proposal = { kex: names, hostKey: names, cipher: names, mac: names, compression: names };
  const init = buildKexInit(peerOf(role), proposal, new Uint8Array(16), true);
  const plain = init.kexAlgorithms.filter((name) => !MARKERS.test(name));
  return marked ? init : { ...init, kexAlgorithms: plain };
}

function kexInit(role: Role, sequenceNumber = 0, marked = true): KexEvent {
  return { type: 'kexinit', message: peerInit(role, { marked }), sequenceNumber };
}

function negotiated(ignoreGuess: boolean): KexEvent {
  return { type: 'negotiated', negotiation: { ignoreGuess } as Negotiation };
}

const message: KexMessage = { type: 'KEX_ECDH_INIT', clientPublicKey: new Uint8Array(32) };
const methodMessage: KexEvent = { type: 'method-message', message };

function stateOf(role: Role, step: KexStep, more: Partial<KexState> = {}): KexState {
  return { ...initialKexState(role), step, ...more };
}

/** Effects by name; what fails with its message. */
function names(effects: readonly KexEffect[]): readonly string[] {
  return effects.map((effect) =>
    effect.type === 'fail' ? `fail: ${effect.error.message}` : effect.type,
  );
}

function outcome([state, effects]: KexTransition): readonly [KexStep, ...string[]] {
  return [state.step, ...names(effects)];
}

const SECOND = 'fail: a second KEXINIT in one key exchange';
const EARLY = 'fail: NEWKEYS before the key exchange was complete';
const OUTSIDE = 'fail: KEX_ECDH_INIT outside a key exchange';

type Row = readonly [KexStep, string, KexStep, ...string[]];
const TABLE: readonly Row[] = [
  ['idle', 'start', 'proposed', 'send-kexinit'],
  ['proposed', 'start', 'proposed'],
  ['exchanging', 'start', 'exchanging'],
  ['settling', 'start', 'settling'],
  ['awaiting-newkeys', 'start', 'awaiting-newkeys'],

  ['idle', 'kexinit', 'exchanging', 'send-kexinit', 'negotiate'],
  ['proposed', 'kexinit', 'exchanging', 'negotiate'],
  ['exchanging', 'kexinit', 'exchanging', SECOND],
  ['settling', 'kexinit', 'settling', SECOND],
  ['awaiting-newkeys', 'kexinit', 'awaiting-newkeys', SECOND],

  ['exchanging', 'negotiated', 'exchanging', 'begin-method'],

  ['idle', 'method-message', 'idle', OUTSIDE],
  ['proposed', 'method-message', 'proposed', OUTSIDE],
  ['exchanging', 'method-message', 'exchanging', 'method-message'],
  ['settling', 'method-message', 'settling', OUTSIDE],
  ['awaiting-newkeys', 'method-message', 'awaiting-newkeys', OUTSIDE],

  ['exchanging', 'secret', 'settling', 'close-inbound-gate'],

  // a verdict that comes when nobody waits for it any more
  ['idle', 'settled', 'idle'],
  ['proposed', 'settled', 'proposed'],
  ['exchanging', 'settled', 'exchanging'],
  ['settling', 'settled', 'awaiting-newkeys', 'send-newkeys', 'open-inbound-gate'],
  ['awaiting-newkeys', 'settled', 'awaiting-newkeys'],

  ['idle', 'newkeys', 'idle', EARLY],
  ['proposed', 'newkeys', 'proposed', EARLY],
  ['exchanging', 'newkeys', 'exchanging', EARLY],
  ['settling', 'newkeys', 'settling', EARLY],
  ['awaiting-newkeys', 'newkeys', 'idle', 'switch-inbound', 'completed'],
];

function eventOf(name: string, role: Role): KexEvent {
  switch (name) {
    case 'kexinit':
      return kexInit(role);
    case 'negotiated':
      return negotiated(false);
    case 'method-message':
      return methodMessage;
    default:
      return { type: name as 'start' | 'secret' | 'settled' | 'newkeys' };
  }
}

describe.each(ROLES)('kexReducer of a %s', (role) => {
  describe.each([
    { exchange: 'first', initial: true },
    { exchange: 'later', initial: false },
  ])('in a $exchange exchange', ({ initial }) => {
    it.each(TABLE)('%s, %s → %s', (from, name, ...expected) => {
      const state = stateOf(role, from, { initial });
      expect(outcome(kexReducer(state, eventOf(name, role)))).toEqual(expected);
    });
  });

  it('says whether the exchange that is complete was the first', () => {
    const first = kexReducer(stateOf(role, 'awaiting-newkeys'), { type: 'newkeys' });
    expect(first[0].initial).toBe(false);
    expect(first[1]).toContainEqual({ type: 'completed', initial: true });
    const later = kexReducer({ ...first[0], step: 'awaiting-newkeys' }, { type: 'newkeys' });
    expect(later[1]).toContainEqual({ type: 'completed', initial: false });
  });

  it('agrees on strict key exchange and EXT_INFO in the first KEXINIT', () => {
    const [marked] = kexReducer(stateOf(role, 'proposed'), kexInit(role));
    expect(marked).toMatchObject({ strict: true, peerTakesExtInfo: true });
    const [plain] = kexReducer(stateOf(role, 'proposed'), kexInit(role, 0, false));
    expect(plain).toMatchObject({ strict: false, peerTakesExtInfo: false });
  });

  it.each([true, false])('keeps what was agreed (%s), whatever a later KEXINIT says', (agreed) => {
    const later = { initial: false, strict: agreed, peerTakesExtInfo: agreed };
    const [state] = kexReducer(stateOf(role, 'idle', later), kexInit(role, 900, !agreed));
    expect(state).toMatchObject({ strict: agreed, peerTakesExtInfo: agreed });
  });

  it('refuses a strict first KEXINIT that was not the first packet', () => {
    const [state, effects] = kexReducer(stateOf(role, 'proposed'), kexInit(role, 1));
    expect(names(effects)).toEqual(['fail: strict key exchange: KEXINIT was not the first packet']);
    expect(state.step).toBe('proposed');
  });

  it('takes a first KEXINIT behind other packets where it is not strict, and a later one always', () => {
    expect(outcome(kexReducer(stateOf(role, 'proposed'), kexInit(role, 1, false)))).toEqual([
      'exchanging',
      'negotiate',
    ]);
    const later = stateOf(role, 'proposed', { initial: false, strict: true });
    expect(outcome(kexReducer(later, kexInit(role, 1)))).toEqual(['exchanging', 'negotiate']);
  });

  it('fails with the reason PROTOCOL_ERROR', () => {
    const [, [effect]] = kexReducer(stateOf(role, 'idle'), { type: 'newkeys' });
    const error = effect?.type === 'fail' ? effect.error : undefined;
    expect(isSshError(error, 'protocol') && error.detail).toEqual({ disconnectReason: 2 });
  });

  it('passes a wrong guess over once, and the next exchange begins without one', () => {
    const [exchanging] = kexReducer(stateOf(role, 'exchanging'), negotiated(true));
    expect(exchanging.ignoreGuess).toBe(true);
    const [passed, effects] = kexReducer(exchanging, { type: 'wrong-guess' });
    expect(passed.ignoreGuess).toBe(false);
    expect(effects).toEqual([]);
    const [later] = kexReducer({ ...passed, ignoreGuess: true }, negotiated(false));
    expect(later.ignoreGuess).toBe(false);
  });

  it('changes nothing but by a new state', () => {
    const events = ['start', 'kexinit', 'method-message', 'secret', 'settled', 'newkeys'];
    fc.assert(
      fc.property(fc.constantFrom(...STEPS), fc.constantFrom(...events), (step, name) => {
        const state = Object.freeze(stateOf(role, step));
        kexReducer(state, eventOf(name, role));
      }),
    );
  });

  it('takes keys into use once for each time that both sides have sent NEWKEYS, in any order of events', () => {
    const events = fc.array(
      fc.constantFrom('start', 'kexinit', 'method-message', 'secret', 'settled', 'newkeys'),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (sequence) => {
        let state = initialKexState(role);
        const seen: string[] = [];
        for (const name of sequence) {
          // the executor tells of a secret when the method has one, and at no other time
          if (name === 'secret' && state.step !== 'exchanging') continue;
          const [next, effects] = kexReducer(state, eventOf(name, role));
          state = next;
          seen.push(...names(effects));
          if (seen.some((each) => each.startsWith('fail'))) break;
        }
        const order = seen.filter((each) =>
          ['send-kexinit', 'negotiate', 'send-newkeys', 'switch-inbound'].includes(each),
        );
        const round = ['send-kexinit', 'negotiate', 'send-newkeys', 'switch-inbound'];
        expect(order).toEqual(order.map((_, at) => round[at % round.length]));
      }),
    );
  });
});

describe('kexProgress', () => {
  it.each([
    ['idle', 'none'],
    // the peer may still send anything: it does not know of ours
    ['proposed', 'none'],
    ['exchanging', 'exchanging'],
    ['settling', 'exchanging'],
    ['awaiting-newkeys', 'awaiting-newkeys'],
  ] as const)('%s is %s to the admission of messages', (step, progress) => {
    expect(kexProgress(step)).toBe(progress);
  });
});
