/**
 * The server's side of RFC 4252 as a pure reducer: which request is looked at when, what a verdict leads to, and when a client
 * has had tries enough. One request is judged at a time; those that come meanwhile wait (CVE-2023-46446).
 */
import { escapeText, protocolError } from '../errors.ts';
import { intersectPermissions, type Permissions } from '../keys/permissions.ts';
import type { Message } from '../messages/catalogue.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import type { Challenge, PartialSuccess, Verdict } from './policy.ts';
import type {
  Admitted,
  ServerAuthEvent,
  ServerAuthRules,
  ServerAuthState,
} from './server-login.ts';
import { also, endOfTries, fail, failure, recorded, type Step, userOf } from './server-step.ts';
import { type Claim, isTooLong, type Presented, type UserauthRequest } from './server-method.ts';

/** Requests that may wait while one is judged: 0.5 MiB at the most, at the packet size that holds before a login. */
const MAX_WAITING = 16;
/** Longest user name, in bytes. */
const MAX_USER_NAME = 255;

/** The state after the first SERVICE_ACCEPT. */
export function initialServerAuth(rules: ServerAuthRules, banner?: string): ServerAuthState {
  return {
    step: 'ready',
    rules,
    banner,
    request: undefined,
    credential: undefined,
    waiting: [],
    prompts: undefined,
    changing: undefined,
    partly: undefined,
    attempts: [],
    hasAskedNone: false,
    failures: 0,
    requests: 0,
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
    case 'question':
      return askUser(state, event.challenge);
    case 'answered':
      return answered(counted(state), event.responses);
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
  // RFC 4252 §5: who has been asked may go on to something else instead
  if (state.step === 'judging' && state.prompts !== undefined) return abandon(state, [request]);
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
  const next: ServerAuthState = {
    ...state,
    step: 'judging',
    request,
    credential: undefined,
    prompts: undefined,
  };
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
  // a policy that has not asked for a new password would take the old one for all that was said
  const isChange = credential.method === 'password' && credential.newPassword !== undefined;
  if (isChange && state.changing !== user)
    return refuse(next, 'a new password that nobody has asked for');
  return [next, [{ type: 'ask-policy', user, credential, partialSuccesses: successes }]];
}

function askUser(state: ServerAuthState, { name, instruction, prompts }: Challenge): Step {
  if (state.step !== 'judging') return [state, []];
  if (state.waiting.length > 0) return abandon(state, state.waiting);
  const asked = (prompts ?? []).map(({ prompt, echo = false }) => ({ prompt, echo }));
  const message: Message = {
    type: 'USERAUTH_INFO_REQUEST',
    name: name ?? '',
    instruction: instruction ?? '',
    languageTag: '',
    prompts: asked,
  };
  return [{ ...state, prompts: asked.length }, [{ type: 'send', message }]];
}

function answered(state: ServerAuthState, responses: readonly string[]): Step {
  const end = tooMany(state);
  if (end !== undefined) return end;
  if (state.prompts === undefined)
    return fail(state, protocolError('USERAUTH_INFO_RESPONSE without a question'));
  const next = { ...state, prompts: undefined };
  // the policy has decided without the answer
  if (state.step !== 'judging') return [next, []];
  const reason =
    responses.length !== state.prompts
      ? 'wrong number of answers'
      : responses.some(isTooLong)
        ? 'answer too long'
        : undefined;
  const step: Step =
    reason === undefined
      ? [next, [{ type: 'answer-policy', responses }]]
      : also({ type: 'call-off' }, refuse(next, reason));
  return also({ type: 'began' }, step);
}

/** The client has gone on: its try has failed, without a reply. */
function abandon(state: ServerAuthState, waiting: readonly UserauthRequest[]): Step {
  const failed = { ...state, failures: state.failures + 1, waiting };
  const facts = { outcome: 'rejected', reason: 'abandoned' } as const;
  const step = recorded(failed, facts, (after) =>
    after.failures >= after.rules.maxFailures
      ? fail(after, endOfTries(after, 'too many failed tries'))
      : proceed(after),
  );
  return also({ type: 'call-off' }, step);
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
  if (verdict.type === 'change-password') return wantNewPassword(state, verdict.prompt);
  const before = state.partly?.permissions ?? {};
  const permissions = intersectPermissions(before, verdict.permissions);
  if (permissions === undefined) return refuse(state, 'forces another command than before');
  return verdict.type === 'accept'
    ? admit(state, credential, permissions, verdict.context)
    : acceptPart(state, credential, permissions, verdict.methodsLeft);
}

/** RFC 4252 §8: in place of a failure. */
function wantNewPassword(state: ServerAuthState, prompt: string): Step {
  const { credential } = state;
  if (credential?.method !== 'password')
    return refuse(state, 'there is no password that could be changed');
  const message: Message = { type: 'USERAUTH_PASSWD_CHANGEREQ', prompt, languageTag: '' };
  const facts = { outcome: 'rejected', reason: 'the password has to be changed' } as const;
  return recorded({ ...state, changing: userOf(state) }, facts, (after) =>
    also({ type: 'send', message }, proceed(after)),
  );
}

function admit(
  state: ServerAuthState,
  credential: Presented,
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
  credential: Presented,
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
    ...state,
    step: 'ready',
    request: undefined,
    credential: undefined,
    waiting,
  };
  return request === undefined ? [ready, []] : begin(ready, request);
}

function isQuestion(credential: Presented): boolean {
  return credential.method === 'publickey' && !credential.signed;
}

/** A factor counts once: a key that was taken is no second key, a password no second password. */
function hasSucceeded(successes: readonly PartialSuccess[], credential: Presented): boolean {
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
