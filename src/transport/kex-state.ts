/**
 * The order of a key exchange (RFC 4253 §7), as a pure reducer: which message may come, what follows from it, when keys
 * change. Cryptography and sending are effects; one place carries them out (streams/key-exchange.ts).
 */
import { protocolError, type SshError } from '../errors.ts';
import type { KexMessage } from '../messages/kex.ts';
import type { KexInit } from '../messages/transport.ts';
import type { KexProgress } from './admission.ts';
import { asksExtInfo, asksStrict, type Negotiation } from './negotiation.ts';
import type { Role } from './role.ts';

/** Where the exchange stands. */
export type KexStep =
  /** Nothing runs. */
  | 'idle'
  /** Our KEXINIT is out, the peer's is awaited. */
  | 'proposed'
  /** Both are there; the method's messages go to and fro. */
  | 'exchanging'
  /** The method is done; the host key (client) or the signature (server) is waited for, the gate is closed. */
  | 'settling'
  /** Our NEWKEYS is out, the peer's is awaited. */
  | 'awaiting-newkeys';

/** The whole state. */
export interface KexState {
  readonly role: Role;
  readonly step: KexStep;
  /** The first exchange has not been completed. */
  readonly initial: boolean;
  /** Agreed in the first exchange, for good. */
  readonly strict: boolean;
  /** The peer takes EXT_INFO. */
  readonly peerTakesExtInfo: boolean;
  /** The next method message is a wrong guess. */
  readonly ignoreGuess: boolean;
}

/** What can happen. */
export type KexEvent =
  /** We want new keys. */
  | { readonly type: 'start' }
  | { readonly type: 'kexinit'; readonly message: KexInit; readonly sequenceNumber: number }
  /** The executor has negotiated from both KEXINITs. */
  | { readonly type: 'negotiated'; readonly negotiation: Negotiation }
  | { readonly type: 'method-message'; readonly message: KexMessage }
  /** The message of a wrong guess has come; nobody reads it. */
  | { readonly type: 'wrong-guess' }
  /** The method has its secret; the host key or the signature is next. */
  | { readonly type: 'secret' }
  /** The host key is accepted (client), the reply is signed (server). */
  | { readonly type: 'settled' }
  | { readonly type: 'newkeys' };

/** What is to be done. */
export type KexEffect =
  | { readonly type: 'send-kexinit' }
  | { readonly type: 'negotiate' }
  | { readonly type: 'begin-method' }
  | { readonly type: 'method-message'; readonly message: KexMessage }
  | { readonly type: 'close-inbound-gate' }
  | { readonly type: 'open-inbound-gate' }
  /** Sends NEWKEYS, switches the outbound keys and lets what was held go. */
  | { readonly type: 'send-newkeys' }
  | { readonly type: 'switch-inbound' }
  | { readonly type: 'completed'; readonly initial: boolean }
  | { readonly type: 'fail'; readonly error: SshError };

/** State and effects that an event leads to. */
export type KexTransition = readonly [KexState, readonly KexEffect[]];

/** Before anything was sent. */
export function initialKexState(role: Role): KexState {
  return {
    role,
    step: 'idle',
    initial: true,
    strict: false,
    peerTakesExtInfo: false,
    ignoreGuess: false,
  };
}

/** What the admission of messages needs to know. */
export function kexProgress(step: KexStep): KexProgress {
  if (step === 'idle' || step === 'proposed') return 'none';
  return step === 'awaiting-newkeys' ? 'awaiting-newkeys' : 'exchanging';
}

/** The next state. */
export function kexReducer(state: KexState, event: KexEvent): KexTransition {
  switch (event.type) {
    case 'start':
      return state.step === 'idle'
        ? [{ ...state, step: 'proposed' }, [{ type: 'send-kexinit' }]]
        : [state, []];
    case 'kexinit':
      return onKexInit(state, event.message, event.sequenceNumber);
    case 'negotiated':
      return [{ ...state, ignoreGuess: event.negotiation.ignoreGuess }, [{ type: 'begin-method' }]];
    case 'method-message':
      return onMethodMessage(state, event.message);
    case 'wrong-guess':
      return [{ ...state, ignoreGuess: false }, []];
    case 'secret':
      return [{ ...state, step: 'settling' }, [{ type: 'close-inbound-gate' }]];
    case 'settled':
      return onSettled(state);
    case 'newkeys':
      return onNewKeys(state);
  }
}

function onKexInit(state: KexState, message: KexInit, sequenceNumber: number): KexTransition {
  if (state.step !== 'idle' && state.step !== 'proposed')
    return fail(state, 'a second KEXINIT in one key exchange');
  // the markers count in the first KEXINIT only
  const strict = state.initial ? asksStrict(message, state.role) : state.strict;
  if (state.initial && strict && sequenceNumber !== 0) {
    return fail(state, 'strict key exchange: KEXINIT was not the first packet');
  }
  const peerTakesExtInfo = state.initial
    ? asksExtInfo(message, state.role)
    : state.peerTakesExtInfo;
  const answer: readonly KexEffect[] = state.step === 'idle' ? [{ type: 'send-kexinit' }] : [];
  return [
    { ...state, step: 'exchanging', strict, peerTakesExtInfo },
    [...answer, { type: 'negotiate' }],
  ];
}

function onMethodMessage(state: KexState, message: KexMessage): KexTransition {
  if (state.step !== 'exchanging') return fail(state, `${message.type} outside a key exchange`);
  return [state, [{ type: 'method-message', message }]];
}

function onSettled(state: KexState): KexTransition {
  if (state.step !== 'settling') return [state, []];
  return [
    { ...state, step: 'awaiting-newkeys' },
    [{ type: 'send-newkeys' }, { type: 'open-inbound-gate' }],
  ];
}

function onNewKeys(state: KexState): KexTransition {
  if (state.step !== 'awaiting-newkeys')
    return fail(state, 'NEWKEYS before the key exchange was complete');
  return [
    { ...state, step: 'idle', initial: false },
    [{ type: 'switch-inbound' }, { type: 'completed', initial: state.initial }],
  ];
}

function fail(state: KexState, problem: string): KexTransition {
  return [state, [{ type: 'fail', error: protocolError(problem) }]];
}
