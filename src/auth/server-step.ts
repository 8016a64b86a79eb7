/** A step of a login at the server: the state after it, and what is to be done. */
import { type AuthAttempt, escapeText, SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import type { Message } from '../messages/catalogue.ts';
import type { ServerAuthEffect, ServerAuthState } from './server-login.ts';

/** What a reducer returns. */
export type Step = readonly [ServerAuthState, readonly ServerAuthEffect[]];

/** A try is over: it is told, and then comes what `then` makes of it. */
export function recorded(
  state: ServerAuthState,
  facts: Omit<AuthAttempt, 'method'>,
  then: (state: ServerAuthState) => Step,
): Step {
  const { credential } = state;
  const attempt: AuthAttempt = {
    method: escapeText(state.request?.methodName ?? '', 64),
    ...(credential?.method === 'publickey' ? { with: fingerprint(credential.publicKey) } : {}),
    ...facts,
  };
  const next = { ...state, attempts: [...state.attempts, attempt] };
  return also({ type: 'attempted', user: userOf(state), attempt }, then(next));
}

/** A step with something to do in front of all else. */
export function also(effect: ServerAuthEffect, [state, effects]: Step): Step {
  return [state, [effect, ...effects]];
}

/** The last step: the login has failed. */
export function fail(state: ServerAuthState, error: SshError): Step {
  return [{ ...state, step: 'ended', waiting: [] }, [{ type: 'fail', error }]];
}

/** RFC 4252 §5.1. */
export function failure(
  methodsThatCanContinue: readonly string[],
  partialSuccess: boolean,
): Message {
  return { type: 'USERAUTH_FAILURE', methodsThatCanContinue, partialSuccess };
}

/** The client has had tries enough. */
export function endOfTries({ attempts, rules }: ServerAuthState, why: string): SshError<'auth'> {
  const detail = { attempts, methodsLeft: rules.methods };
  return new SshError('auth', `authentication failed: ${why}`, detail);
}

/** Whose login it is. */
export function userOf({ request }: ServerAuthState): string {
  return request?.userName ?? '';
}
