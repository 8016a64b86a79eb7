/**
 * The client's side of RFC 4252 as a pure reducer: which method is tried next, what an answer means, when it is over. What a
 * method sends is its own business (methods/); here it only has a name.
 */
import { type AuthAttempt, escapeText, protocolError, SshError } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';

/** Requests in one login: what a server that always wants more can make us send. */
export const MAX_REQUESTS = 64;
/** Banners that are passed on, and characters of each: 1 MiB at the most. */
export const MAX_BANNERS = 64;
export const MAX_BANNER_LENGTH = 8192;

/** What is known of a method beforehand. */
export interface MethodPlan {
  readonly name: string;
  /** A key that was taken does not use `publickey` up; a password does. */
  readonly hasManyCredentials: boolean;
}

/** Where a login stands. */
export interface ClientAuthState {
  /**
   * `service`: SERVICE_ACCEPT is due. `preparing`: the method is at work, no request is unanswered. `awaiting`: a request is
   * unanswered.
   */
  readonly step: 'service' | 'preparing' | 'awaiting' | 'ended';
  readonly user: string;
  readonly refuseNone: boolean;
  /** Methods that are not used up, in order of preference. */
  readonly open: readonly MethodPlan[];
  /** The method that is being tried, and on what its request stands. */
  readonly method: string;
  readonly with: string | undefined;
  /** Has anything been sent that proves who the user is: a credential, an answer, or a factor that was taken before? */
  readonly hasProven: boolean;
  /** What the server offers; `undefined` before it has said so. */
  readonly offered: readonly string[] | undefined;
  readonly attempts: readonly AuthAttempt[];
  readonly requests: number;
  readonly banners: number;
}

/** What happens. */
export type ClientAuthEvent =
  | { readonly type: 'service-accepted'; readonly serviceName: string }
  /** The method has its next request. */
  | {
      readonly type: 'request';
      readonly methodData: Uint8Array;
      readonly with?: string;
      readonly isQuestion?: boolean;
    }
  /** The method has its part of a dialogue with the server. */
  | { readonly type: 'response'; readonly message: Message }
  /** The method gives a credential up. */
  | { readonly type: 'attempt'; readonly attempt: Omit<AuthAttempt, 'method'> }
  /** The method has no credential left. */
  | { readonly type: 'exhausted' }
  /** A message of the server. */
  | { readonly type: 'message'; readonly message: Message };

/** What is to be done. */
export type ClientAuthEffect =
  /** Another method is being tried from now on. */
  | { readonly type: 'use-method'; readonly method: string }
  /** Ask the method for its next credential. */
  | { readonly type: 'prepare' }
  /** Hand the method a message of its own. */
  | { readonly type: 'answer'; readonly message: Message }
  | { readonly type: 'send'; readonly method: string; readonly methodData: Uint8Array }
  | { readonly type: 'respond'; readonly message: Message }
  | { readonly type: 'banner'; readonly text: string }
  | { readonly type: 'attempted'; readonly attempt: AuthAttempt }
  | { readonly type: 'succeed' }
  | { readonly type: 'fail'; readonly error: SshError };

type Step = readonly [ClientAuthState, readonly ClientAuthEffect[]];

/** The state before SERVICE_ACCEPT. */
export function initialClientAuth(
  user: string,
  methods: readonly MethodPlan[],
  refuseNone = false,
): ClientAuthState {
  return {
    step: 'service',
    user,
    refuseNone,
    open: methods,
    method: '',
    with: undefined,
    hasProven: false,
    offered: undefined,
    attempts: [],
    requests: 0,
    banners: 0,
  };
}

/** One step of a login (RFC 4252 §5). */
export function clientAuthReducer(state: ClientAuthState, event: ClientAuthEvent): Step {
  if (state.step === 'ended') return [state, []];
  switch (event.type) {
    case 'service-accepted':
      return acceptService(state, event.serviceName);
    case 'request':
      return ask(
        { ...state, with: event.with, hasProven: event.isQuestion !== true || hasFactor(state) },
        {
          type: 'send',
          method: state.method,
          methodData: event.methodData,
        },
      );
    case 'response':
      return ask(
        { ...state, hasProven: state.hasProven || hasAnswer(event.message) },
        { type: 'respond', message: event.message },
      );
    case 'attempt':
      return record(state, { method: state.method, ...event.attempt }, choose);
    case 'exhausted':
      return choose({ ...state, open: without(state.open, state.method) });
    case 'message':
      return receive(state, event.message);
  }
}

function acceptService(state: ClientAuthState, serviceName: string): Step {
  // old servers leave the name out
  if (state.step !== 'service' || (serviceName !== 'ssh-userauth' && serviceName !== ''))
    return fail(state, protocolError('SERVICE_ACCEPT that was not asked for'));
  return choose(state);
}

/** Says something that the server has to answer. */
function ask(state: ClientAuthState, effect: ClientAuthEffect): Step {
  if (state.requests >= MAX_REQUESTS)
    return fail(state, authError(state, `${String(MAX_REQUESTS)} requests without an end`));
  return [{ ...state, step: 'awaiting', requests: state.requests + 1 }, [effect]];
}

function receive(state: ClientAuthState, message: Message): Step {
  if (message.type === 'USERAUTH_BANNER') return banner(state, message.message);
  // CVE-2018-10933 and its kin: nothing is an answer unless something was asked
  if (state.step !== 'awaiting')
    return fail(state, protocolError(`${message.type} without a request`));
  switch (message.type) {
    case 'USERAUTH_SUCCESS':
      return succeed(state);
    case 'USERAUTH_FAILURE':
      return reject(state, message.methodsThatCanContinue, message.partialSuccess);
    default:
      return [{ ...state, step: 'preparing' }, [{ type: 'answer', message }]];
  }
}

function banner(state: ClientAuthState, text: string): Step {
  if (state.banners >= MAX_BANNERS) return [state, []];
  return [
    { ...state, banners: state.banners + 1 },
    [{ type: 'banner', text: text.slice(0, MAX_BANNER_LENGTH) }],
  ];
}

function succeed(state: ClientAuthState): Step {
  if (!state.refuseNone || state.hasProven)
    return [{ ...state, step: 'ended' }, [{ type: 'succeed' }]];
  // CVE-2021-36367 and its kin: what such a server lets ask next looks like a question of the login
  const reason = 'the server asks for no authentication';
  const attempt: AuthAttempt = { method: state.method, outcome: 'skipped', reason };
  return record(state, attempt, (next) => fail(next, authError(next, reason)));
}

function reject(
  state: ClientAuthState,
  methodsThatCanContinue: readonly string[],
  partialSuccess: boolean,
): Step {
  const { method } = state;
  // tried on a guess, and the list shows that it was a wrong one
  const isRefusedType =
    state.offered === undefined && method !== 'none' && !methodsThatCanContinue.includes(method);
  const attempt: AuthAttempt = {
    method,
    ...(state.with === undefined ? {} : { with: state.with }),
    outcome: partialSuccess ? 'partial' : isRefusedType ? 'refused-type' : 'rejected',
  };
  const plan = state.open.find((each) => each.name === method);
  const isUsedUp = partialSuccess && plan?.hasManyCredentials !== true;
  const open = isUsedUp ? without(state.open, method) : state.open;
  return record({ ...state, open, offered: methodsThatCanContinue }, attempt, choose);
}

/** The first method that is not used up and that the server offers; before it has said what it offers, any. */
function choose(state: ClientAuthState): Step {
  const plan = state.open.find(
    ({ name }) => state.offered === undefined || state.offered.includes(name),
  );
  if (plan === undefined) return giveUp(state);
  const next: ClientAuthState = {
    ...state,
    step: 'preparing',
    method: plan.name,
    with: undefined,
  };
  const prepare: ClientAuthEffect = { type: 'prepare' };
  if (plan.name === state.method) return [next, [prepare]];
  return [next, [{ type: 'use-method', method: plan.name }, prepare]];
}

/** Says of the methods that were never tried why not. */
function giveUp(state: ClientAuthState): Step {
  const untried = state.open.filter(
    ({ name }) => name !== 'none' && !state.attempts.some(({ method }) => method === name),
  );
  const attempts = untried.map(({ name }): AuthAttempt => ({
    method: name,
    outcome: 'refused-type',
    reason: 'not offered by the server',
  }));
  const next = { ...state, attempts: [...state.attempts, ...attempts] };
  return fail(next, authError(next));
}

function record(
  state: ClientAuthState,
  attempt: AuthAttempt,
  then: (state: ClientAuthState) => Step,
): Step {
  const [next, effects] = then({ ...state, attempts: [...state.attempts, attempt] });
  return [next, [{ type: 'attempted', attempt }, ...effects]];
}

function fail(state: ClientAuthState, error: SshError): Step {
  return [{ ...state, step: 'ended' }, [{ type: 'fail', error }]];
}

function hasFactor({ attempts }: ClientAuthState): boolean {
  return attempts.some(({ outcome }) => outcome === 'partial');
}

function hasAnswer(message: Message): boolean {
  return message.type === 'USERAUTH_INFO_RESPONSE' && message.responses.length > 0;
}

function without(plans: readonly MethodPlan[], name: string): readonly MethodPlan[] {
  return plans.filter((plan) => plan.name !== name);
}

/** Every attempt of a login that the server ends in place of an answer: what was unanswered is rejected by it. */
export function attemptsAtEnd(state: ClientAuthState): readonly AuthAttempt[] {
  const { step, method, with: credential, attempts } = state;
  if (step !== 'awaiting' || method === 'none') return attempts;
  const how = credential === undefined ? {} : { with: credential };
  return [...attempts, { method, ...how, outcome: 'rejected' }];
}

/**
 * The `auth` error of a login that has come to nothing: every attempt and what the server would still take.
 *
 * @param state - the login
 * @param why - what ended it, when it was not that everything was tried
 * @param cause - the error that ended it
 */
export function authError(
  state: Pick<ClientAuthState, 'user' | 'attempts' | 'offered'>,
  why?: string,
  cause?: unknown,
): SshError<'auth'> {
  const { attempts, offered } = state;
  // that `none` was rejected is how the methods were learnt, and says nothing
  const tried = attempts.filter(
    ({ method, outcome }) => method !== 'none' || outcome !== 'rejected',
  );
  const facts = tried.map(describeAttempt);
  if (facts.length === 0 && why === undefined) facts.push('no credentials to try');
  if (why !== undefined) facts.push(escapeText(why));
  if (offered !== undefined) facts.push(`the server offers ${offerText(offered)}`);
  return new SshError(
    'auth',
    `authentication failed for ${escapeText(state.user, 255)}: ${facts.join('; ')}`,
    { attempts, methodsLeft: offered ?? [] },
    { cause },
  );
}

function describeAttempt({ method, with: credential, outcome, reason }: AuthAttempt): string {
  const words = [
    method,
    ...(credential === undefined ? [] : [credential]),
    outcome === 'partial' ? 'accepted in part' : outcome === 'refused-type' ? 'refused' : outcome,
  ];
  return words.join(' ') + (reason === undefined ? '' : ` (${reason})`);
}

function offerText(offered: readonly string[]): string {
  return offered.length === 0 ? 'nothing more' : escapeText(offered.join(', '), 256);
}
