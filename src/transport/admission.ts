/**
 * Which message may come now: the state × message table as one pure function. What a state does not allow is refused before
 * anything reads the message.
 */
import type { Role } from './role.ts';

/** How far the connection has come, as far as the admission of messages goes. */
export type Phase =
  /** Up to the acceptance of the service: key exchange, SERVICE_REQUEST. */
  | 'transport'
  /** RFC 4252 runs. */
  | 'userauth'
  /** A user is authenticated: RFC 4254. */
  | 'connection';

/** Where the key exchange stands for the direction that we receive. */
export type KexProgress =
  /** The peer has not begun one. */
  | 'none'
  /** The peer's KEXINIT was received, its method messages are due. */
  | 'exchanging'
  /** Only the peer's NEWKEYS is missing. */
  | 'awaiting-newkeys';

/** What is looked at. */
export interface AdmissionState {
  readonly role: Role;
  readonly phase: Phase;
  readonly kex: KexProgress;
  /** No NEWKEYS was received yet. */
  readonly initial: boolean;
  /** Strict key exchange was agreed (OpenSSH PROTOCOL 1.9). */
  readonly strict: boolean;
  /** Client: a SERVICE_ACCEPT is due. Server: a SERVICE_REQUEST may come. */
  readonly serviceDue: boolean;
}

/** What is to be done with a message. */
export type Admission = 'accept' | 'ignore' | 'unimplemented' | 'disconnect';

const DISCONNECT = 1;
const DEBUG = 4;
const SERVICE_REQUEST = 5;
const SERVICE_ACCEPT = 6;
const EXT_INFO = 7;
const KEXINIT = 20;
const NEWKEYS = 21;
const USERAUTH_REQUEST = 50;
const FIRST_KEX_METHOD = 30;
const LAST_KEX_METHOD = 49;
const LAST_AUTH = 79;

/** Decides over a message by its number alone. */
export function admission(state: AdmissionState, number: number): Admission {
  if (number === 0) return 'disconnect';
  if (number === DISCONNECT) return 'accept';
  if (state.initial && state.strict && state.kex !== 'none')
    return strictInitial(state.kex, number);
  if (number <= DEBUG) return 'accept';
  if (number === KEXINIT) return state.kex === 'none' ? 'accept' : 'disconnect';
  if (number === NEWKEYS) return state.kex === 'awaiting-newkeys' ? 'accept' : 'disconnect';
  if (number >= FIRST_KEX_METHOD && number <= LAST_KEX_METHOD)
    return state.kex === 'exchanging' ? 'accept' : 'disconnect';
  if (number < USERAUTH_REQUEST) return transportMessage(state, number);
  // after its KEXINIT a peer may send nothing of the upper layers until its NEWKEYS (RFC 4253 §7.1)
  if (state.initial || state.kex !== 'none') return 'disconnect';
  return number <= LAST_AUTH ? authMessage(state, number) : connectionMessage(state);
}

function strictInitial(kex: KexProgress, number: number): Admission {
  if (number === NEWKEYS) return kex === 'awaiting-newkeys' ? 'accept' : 'disconnect';
  const isMethodMessage = number >= FIRST_KEX_METHOD && number <= LAST_KEX_METHOD;
  return isMethodMessage && kex === 'exchanging' ? 'accept' : 'disconnect';
}

function transportMessage(state: AdmissionState, number: number): Admission {
  if (number > EXT_INFO) return 'unimplemented';
  if (state.initial || state.kex !== 'none') return 'disconnect';
  if (number === EXT_INFO) return 'accept';
  // once a user is authenticated the service runs, and there is none to go over to
  const isDue = state.serviceDue && state.phase !== 'connection';
  const expected = state.role === 'server' ? SERVICE_REQUEST : SERVICE_ACCEPT;
  return number === expected && isDue ? 'accept' : 'disconnect';
}

function authMessage(state: AdmissionState, number: number): Admission {
  if (state.phase === 'transport') return 'disconnect';
  const isFromClient = number === USERAUTH_REQUEST || number >= 61;
  if (state.phase === 'connection') {
    // RFC 4252 §5.1: requests after success are passed over in silence
    return state.role === 'server' && number === USERAUTH_REQUEST ? 'ignore' : 'disconnect';
  }
  return (state.role === 'server') === isFromClient ? 'accept' : 'disconnect';
}

function connectionMessage(state: AdmissionState): Admission {
  return state.phase === 'connection' ? 'accept' : 'disconnect';
}
