/**
 * The server's side of RFC 4252 as a pure reducer: which request is looked at when, what a verdict leads to, and when a client
 * has had tries enough. One request is judged at a time; those that come meanwhile wait (CVE-2023-46446).
 */
import { type AuthAttempt, escapeText, protocolError, SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { intersectPermissions, type Permissions } from '../keys/permissions.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Message } from '../messages/catalogue.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import type { Credential, PartialSuccess, Verdict } from './policy.ts';
import type { Claim, UserauthRequest } from './server-method.ts';

/** Requests that may wait while one is judged: 0.5 MiB at the most, at the packet size that holds before a login. */
const MAX_WAITING = 16;
/** Longest user name, in bytes. */
const MAX_USER_NAME = 255;

/** What holds for one server. */
export interface ServerAuthRules {
  /** The service that may be asked for: `ssh-connection`. */
  readonly service: string;
  /** Methods that are offered, without `none`. */
  readonly methods: readonly string[];
  readonly allowNone: boolean;
  /** Failed tries, without the first `none` and questions about keys. */
  readonly maxFailures: number;
  /** Requests of any kind. */
  readonly maxRequests: number;
}

/** Who has succeeded with a part of what is needed, and what is left. */
interface Partly {
  readonly user: string;
  readonly successes: readonly PartialSuccess[];
  readonly methodsLeft: readonly string[];
  /** What all of them allow. */
  readonly permissions: Permissions;
}

/** Where a login stands. */
export interface ServerAuthState {
  /** `ready`: for a request. `judging`: one is looked at. `delaying`: its failure is not told yet. */
  readonly step: 'ready' | 'judging' | 'delaying' | 'ended';
  readonly rules: ServerAuthRules;
  readonly banner: string | undefined;
  readonly request: UserauthRequest | undefined;
  readonly credential: Credential | undefined;
  readonly waiting: readonly UserauthRequest[];
  readonly partly: Partly | undefined;
  readonly attempts: readonly AuthAttempt[];
  readonly hasAskedNone: boolean;
  readonly failures: number;
  readonly requests: number;
}

/** Who has logged in. */
export interface Admitted {
  /** The name under which the client has logged in. */
  readonly user: string;
  /** The method that succeeded last (RFC 4252). */
  readonly method: string;
  /** The key whose signature was verified. */
  readonly publicKey?: PublicKey;
  /** What succeeded before it, where more than one method was needed, in order. */
  readonly partialSuccesses: readonly PartialSuccess[];
  /** What all that succeeded allows, with nothing implied: what is not named is not restricted. */
  readonly permissions: Permissions;
  /** What the policy has added to its consent. */
  readonly context?: unknown;
}

/** What happens. */
export type ServerAuthEvent =
  | { readonly type: 'request'; readonly request: UserauthRequest }
  /** One more SERVICE_REQUEST for ssh-userauth: some clients send it with each try. */
  | { readonly type: 'service-request' }
  /** The method has looked at the request. */
  | { readonly type: 'examined'; readonly claim: Claim }
  /** The policy has spoken, or will not. */
  | { readonly type: 'verdict'; readonly verdict: Verdict }
  /** The failure has been held back for long enough. */
  | { readonly type: 'delayed' };

/** What is to be done. */
export type ServerAuthEffect =
  | { readonly type: 'send'; readonly message: Message }
  /** A request is being looked at: the time of its reply counts from here. */
  | { readonly type: 'began' }
  /** Have the method look at the request. */
  | { readonly type: 'examine'; readonly request: UserauthRequest }
  | {
      readonly type: 'ask-policy';
      readonly user: string;
      readonly credential: Credential;
      readonly partialSuccesses: readonly PartialSuccess[];
    }
  | { readonly type: 'delay' }
  | { readonly type: 'attempted'; readonly user: string; readonly attempt: AuthAttempt }
  | { readonly type: 'succeed'; readonly admitted: Admitted }
  | { readonly type: 'fail'; readonly error: SshError };

type Step = readonly [ServerAuthState, readonly ServerAuthEffect[]];

/** The state after the first SERVICE_ACCEPT. */
export function initialServerAuth(rules: ServerAuthRules, banner?: string): ServerAuthState {
  return {
    ...{ step: 'ready', rules, banner, request: undefined, credential: undefined, waiting: [] },
    ...{ partly: undefined, attempts: [], hasAskedNone: false, failures: 0, requests: 0 },
  };
}

/** One step of a login (RFC 4252 §5). */
export function serverAuthReducer(state: ServerAuthState, event: ServerAuthEvent): Step {
  if (state.step === 'ended') return [state, []];
  switch (event.type) {
    case 'request':
      return receive(counted(state), event.request);
    case 'service-request':
      return tooMany(counted(state)) ?? [counted(state), []];
    case 'examined':
      return examined(state, event.claim);
    case 'verdict':
      return judged(state, event.verdict);
    case 'delayed':
      return tellFailure(state);
  }
}

function counted(state: ServerAuthState): ServerAuthState {
  return { ...state, requests: state.requests + 1 };
}

function tooMany(state: ServerAuthState): Step | undefined {
  if (state.requests <= state.rules.maxRequests) return undefined;
  return fail(state, endOfTries(state, 'too many requests'));
}

function receive(state: ServerAuthState, request: UserauthRequest): Step {
  const end = tooMany(state);
  if (end !== undefined) return end;
  if (state.step !== 'ready') {
    if (state.waiting.length >= MAX_WAITING)
      return fail(state, protocolError('too many USERAUTH_REQUESTs at once'));
    return [{ ...state, waiting: [...state.waiting, request] }, []];
  }
  if (state.banner === undefined) return begin(state, request);
  const message: Message = { type: 'USERAUTH_BANNER', message: state.banner, languageTag: '' };
  return also({ type: 'send', message }, begin({ ...state, banner: undefined }, request));
}

function begin(state: ServerAuthState, request: UserauthRequest): Step {
  const { rules, partly } = state;
  const { userName, serviceName } = request;
  if (serviceName !== rules.service) {
    const reason = DisconnectReason.SERVICE_NOT_AVAILABLE;
    return fail(state, protocolError(`no service ${escapeText(serviceName, 64)}`, reason));
  }
  // RFC 4252 §5: what one user has succeeded with is nothing to another's credit
  if (partly !== undefined && partly.user !== userName)
    return fail(state, protocolError('another user after a partial success'));
  const next: ServerAuthState = { ...state, step: 'judging', request, credential: undefined };
  return also({ type: 'began' }, whetherToExamine(next, request));
}

function whetherToExamine(state: ServerAuthState, request: UserauthRequest): Step {
  const { rules, partly } = state;
  if (!isPlausibleUser(request.userName)) return refuse(state, 'user name');
  const methods = partly?.methodsLeft ?? rules.methods;
  const { methodName } = request;
  const isOffered =
    methodName === 'none' ? rules.allowNone && partly === undefined : methods.includes(methodName);
  return isOffered ? [state, [{ type: 'examine', request }]] : refuse(state, 'method not offered');
}

function examined(state: ServerAuthState, claim: Claim): Step {
  if (claim.type === 'refuse') return refuse(state, claim.reason, claim.isQuestion, claim.with);
  const { credential } = claim;
  const successes = state.partly?.successes ?? [];
  const next = { ...state, credential };
  if (hasSucceeded(successes, credential))
    return refuse(next, 'used before', isQuestion(credential));
  const user = userOf(state);
  return [next, [{ type: 'ask-policy', user, credential, partialSuccesses: successes }]];
}

function judged(state: ServerAuthState, verdict: Verdict): Step {
  const { credential } = state;
  if (credential === undefined || state.step !== 'judging') return [state, []];
  if (verdict.type === 'deny') return refuse(state, verdict.reason, isQuestion(credential));
  if (credential.method === 'publickey' && !credential.signed) {
    const publicKey = credential.publicKey.blob;
    const { algorithm } = credential;
    const message: Message = { type: 'USERAUTH_PK_OK', algorithm, publicKey };
    return also({ type: 'send', message }, proceed(state));
  }
  const before = state.partly?.permissions ?? {};
  const permissions = intersectPermissions(before, verdict.permissions);
  if (permissions === undefined) return refuse(state, 'forces another command than before');
  return verdict.type === 'accept'
    ? admit(state, credential, permissions, verdict.context)
    : acceptPart(state, credential, permissions, verdict.methodsLeft);
}

function admit(
  state: ServerAuthState,
  credential: Credential,
  permissions: Permissions,
  context: unknown,
): Step {
  const admitted: Admitted = {
    user: userOf(state),
    method: credential.method,
    ...(credential.method === 'publickey' ? { publicKey: credential.publicKey } : {}),
    partialSuccesses: state.partly?.successes ?? [],
    permissions,
    ...(context === undefined ? {} : { context }),
  };
  return [
    { ...state, step: 'ended', waiting: [] },
    [
      { type: 'send', message: { type: 'USERAUTH_SUCCESS' } },
      { type: 'succeed', admitted },
    ],
  ];
}

function acceptPart(
  state: ServerAuthState,
  credential: Credential,
  permissions: Permissions,
  methodsLeft: readonly string[],
): Step {
  const success: PartialSuccess = {
    method: credential.method,
    ...(credential.method === 'publickey' ? { publicKey: credential.publicKey } : {}),
  };
  const successes = [...(state.partly?.successes ?? []), success];
  const partly = { user: userOf(state), successes, methodsLeft, permissions };
  const next = { ...state, partly };
  return recorded(next, { outcome: 'partial' }, (after) =>
    also({ type: 'send', message: failure(methodsLeft, true) }, proceed(after)),
  );
}

/** A request that has come to nothing. The first `none` is how a client learns the methods: it is free, and told at once. */
function refuse(
  state: ServerAuthState,
  reason?: string,
  isQuestionOnly = false,
  credential?: string,
): Step {
  const isFree = state.request?.methodName === 'none' && !state.hasAskedNone;
  const next: ServerAuthState = {
    ...state,
    step: isFree ? 'judging' : 'delaying',
    hasAskedNone: state.hasAskedNone || isFree,
    failures: state.failures + (isFree || isQuestionOnly ? 0 : 1),
  };
  const facts = {
    outcome: 'rejected' as const,
    ...(reason === undefined ? {} : { reason }),
    ...(credential === undefined ? {} : { with: credential }),
  };
  return recorded(next, facts, (after) =>
    isFree ? tellFailure(after) : [after, [{ type: 'delay' }]],
  );
}

function tellFailure(state: ServerAuthState): Step {
  const { rules, partly } = state;
  if (state.failures >= rules.maxFailures)
    return fail(state, endOfTries(state, 'too many failed tries'));
  const message = failure(partly?.methodsLeft ?? rules.methods, false);
  return also({ type: 'send', message }, proceed(state));
}

function proceed(state: ServerAuthState): Step {
  const [request, ...waiting] = state.waiting;
  const ready: ServerAuthState = {
    ...{ ...state, step: 'ready', request: undefined, credential: undefined, waiting },
  };
  return request === undefined ? [ready, []] : begin(ready, request);
}

function recorded(
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

function also(effect: ServerAuthEffect, [state, effects]: Step): Step {
  return [state, [effect, ...effects]];
}

function fail(state: ServerAuthState, error: SshError): Step {
  return [{ ...state, step: 'ended', waiting: [] }, [{ type: 'fail', error }]];
}

function failure(methodsThatCanContinue: readonly string[], partialSuccess: boolean): Message {
  return { type: 'USERAUTH_FAILURE', methodsThatCanContinue, partialSuccess };
}

function endOfTries({ attempts, rules }: ServerAuthState, why: string): SshError<'auth'> {
  const detail = { attempts, methodsLeft: rules.methods };
  return new SshError('auth', `authentication failed: ${why}`, detail);
}

function isQuestion(credential: Credential): boolean {
  return credential.method === 'publickey' && !credential.signed;
}

function userOf({ request }: ServerAuthState): string {
  return request?.userName ?? '';
}

/** A factor counts once: a key that was taken is no second key, a password no second password. */
function hasSucceeded(successes: readonly PartialSuccess[], credential: Credential): boolean {
  return successes.some(({ method, publicKey }) => {
    if (method !== credential.method) return false;
    if (credential.method !== 'publickey' || publicKey === undefined) return true;
    return equalBytes(publicKey.blob, credential.publicKey.blob);
  });
}

/** Names end up in logs and paths: control characters and `..` have no business in them. */
function isPlausibleUser(user: string): boolean {
  const length = utf8Bytes(user).length;
  if (length === 0 || length > MAX_USER_NAME) return false;
  return !/[\u0000-\u001f\u007f-\u009f]/.test(user) && !/(^|[/\\])\.\.($|[/\\])/.test(user);
}
