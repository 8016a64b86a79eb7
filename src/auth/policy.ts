/**
 * What a server's policy is asked, and what counts as its consent. Consent is never inferred: whatever is not exactly one of
 * the typed decisions is a refusal.
 */
import type { Observable, ObservableInput } from 'rxjs';
import type { AuthAttempt } from '../errors.ts';
import { arePermissions, explicitPermissions, type Permissions } from '../keys/permissions.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { SecurityKeyState } from '../keys/security-keys.ts';
import type { DuplexPeer } from '../streams/byte-duplex.ts';

/** A method that has succeeded where more than one is needed. */
export interface PartialSuccess {
  readonly method: string;
  /** The key whose signature was verified. */
  readonly publicKey?: PublicKey;
}

/** What a client presents, checked as far as the library can check it. */
export type Credential =
  /** Nothing at all (RFC 4252 §5.2); only asked about when `allowNone` is set. */
  | { readonly method: 'none' }
  /** RFC 4252 §8; 1024 bytes at the most. Compare in constant time, or better a hash. */
  | {
      readonly method: 'password';
      readonly password: string;
      /**
       * Only after a decision to have the password changed: the client's new one, not empty. Consent says that it was stored;
       * `changePassword` once more says that it will not do.
       */
      readonly newPassword?: string;
    }
  /** RFC 4252 §7. */
  | {
      readonly method: 'publickey';
      readonly publicKey: PublicKey;
      readonly algorithm: string;
      /**
       * `true`: the client has proven to hold the key, its signature was verified. `false`: it only asks whether the key would
       * do; consent lets it go on to sign, and nothing more. Decide by the key alone, not by what an earlier question was about.
       */
      readonly signed: boolean;
      /** What a security key (`sk-…`) said when it signed. */
      readonly securityKey?: SecurityKeyState;
    }
  /** RFC 4252 §9. A key of the client's host has vouched for its user: its signature was verified, and nothing else. */
  | {
      readonly method: 'hostbased';
      /** Is it that host's key? `KnownHosts.check` tells. Who holds a host's key can say to be any user of it. */
      readonly hostKey: PublicKey;
      readonly algorithm: string;
      /**
       * The name that the client gives to its host, without a dot at the end, 1024 bytes at the most; it need not be where the
       * connection comes from.
       */
      readonly clientHost: string;
      /** The user's name on that host, 1024 bytes at the most: escape it before it is shown. */
      readonly localUser: string;
    }
  /** RFC 4256. Nothing is known yet: what counts is what the user answers. */
  | {
      readonly method: 'keyboard-interactive';
      /** Ways of asking that the client prefers; it seldom says any. */
      readonly submethods: readonly string[];
      /**
       * Asks the user (RFC 4256 §3.2): one question at a time, as many as it takes. Cold: emits the answers, one for each prompt in
       * their order and 1024 bytes long at the most, and completes. Errors with `config` for what cannot be asked, and
       * `released` once the try is over. A client that goes on to something else ends the try. Ask users that there are not as
       * well: who is asked, and what, can be seen.
       *
       * @example
       * ```ts
       * authenticate: (attempt) =>
       *   attempt.method === 'keyboard-interactive' &&
       *   attempt
       *     .ask({ prompts: [{ prompt: 'Code: ', echo: true }] })
       *     .pipe(map(([code]) => isCode(attempt.user, code)));
       * ```
       */
      ask(challenge: Challenge): Observable<readonly string[]>;
    };

/** What a user is asked (RFC 4256 §3.2); 8192 characters at the most. */
export interface Challenge {
  /** Title. */
  readonly name?: string;
  readonly instruction?: string;
  /** 64 at the most. Without any, the user is only told, and the answers are none. */
  readonly prompts?: readonly Prompt[];
}

/** Most characters of text in what a client is asked: what becomes of them fits any packet (RFC 4253 §6.1). */
export const MAX_TEXT = 8192;

/** One question. */
export interface Prompt {
  /** Not empty. */
  readonly prompt: string;
  /** Is the answer shown as it is typed? Not unless said so. */
  readonly echo?: boolean;
}

/** One try to log in, as the policy is asked about it. */
export type AuthAttemptInfo = Credential & {
  /** 1 to 255 bytes without control characters; not known to exist. */
  readonly user: string;
  /** What this user has already succeeded with on this connection, in order. */
  readonly partialSuccesses: readonly PartialSuccess[];
  /** Where the connection comes from, when that is known. */
  readonly peer?: DuplexPeer;
};

/** What came of a try, for logs. Text of the client's in it is escaped and cut. */
export interface AuthReport extends Omit<AuthAttempt, 'outcome'> {
  /** Under which name; not known to exist. */
  readonly user: string;
  readonly outcome: AuthAttempt['outcome'] | 'accepted';
}

/**
 * What a policy decides. `true` or `accept`: the user is logged in. `partial`: this was right, and one of `methodsLeft` is
 * needed too. `changePassword`: the password was right, and has to be changed first (RFC 4252 §8). Anything else refuses. Permissions that are none, those with a name that is not known among them, refuse too.
 */
export type AuthDecision =
  | boolean
  | {
      readonly accept: true;
      /** Handed on with the login: an account, rights, … */
      readonly context?: unknown;
      /** What the login may do; everything unless said otherwise. */
      readonly permissions?: Permissions;
      /** Takes the signature of a security key that nobody has touched, too: without it such a one is refused, as by sshd. */
      readonly noTouchRequired?: boolean;
    }
  | {
      readonly partial: true;
      readonly methodsLeft: readonly string[];
      /** Holds for the login as well, whatever the other methods allow. */
      readonly permissions?: Permissions;
      /** As with `accept`. */
      readonly noTouchRequired?: boolean;
    }
  | {
      readonly changePassword: true;
      /** For the client to show; 8192 characters at the most. */
      readonly prompt: string;
    };

/**
 * Decides about a try: with a decision, or with whatever emits one, of which the first counts. A throw, an error, completing
 * without a value, or a value that is no `AuthDecision` refuses. It is unsubscribed when the client goes away or the time to log
 * in is over.
 */
export type AuthPolicy = (attempt: AuthAttemptInfo) => AuthDecision | ObservableInput<AuthDecision>;

/** A decision that was looked at. */
export type Verdict =
  | {
      readonly type: 'accept';
      readonly context?: unknown;
      readonly permissions: Permissions;
      readonly noTouchRequired?: true;
    }
  | {
      readonly type: 'partial';
      readonly methodsLeft: readonly string[];
      readonly permissions: Permissions;
      readonly noTouchRequired?: true;
    }
  | { readonly type: 'change-password'; readonly prompt: string }
  | { readonly type: 'deny'; readonly reason?: string };

/**
 * The verdict in what a policy has emitted.
 *
 * @param decision - anything at all
 * @param methods - the methods that the server has: a partial success that leaves none of them is a refusal
 */
export function verdictOf(decision: unknown, methods: readonly string[]): Verdict {
  if (decision === true) return { type: 'accept', permissions: {} };
  if (decision === false) return { type: 'deny' };
  const fields: Readonly<Record<string, unknown>> =
    typeof decision === 'object' && decision !== null ? { ...decision } : {};
  const { accept, partial, changePassword, methodsLeft, context, prompt } = fields;
  const { permissions: given = {}, noTouchRequired } = fields;
  if (!arePermissions(given)) return deny('the permissions are not readable');
  const permissions = explicitPermissions(given);
  if ([accept, partial, changePassword].filter((each) => each !== undefined).length !== 1)
    return deny('the policy has emitted no decision');
  if (changePassword === true && typeof prompt === 'string' && prompt.length <= MAX_TEXT)
    return { type: 'change-password', prompt };
  const touch = noTouchRequired === true ? ({ noTouchRequired: true } as const) : {};
  if (accept === true)
    return { type: 'accept', permissions, ...touch, ...(context === undefined ? {} : { context }) };
  if (partial === true && Array.isArray(methodsLeft)) {
    const left = methods.filter((name) => methodsLeft.includes(name));
    if (left.length > 0) return { type: 'partial', methodsLeft: left, permissions, ...touch };
  }
  return deny('the policy has emitted no decision');
}

/** A verdict on a credential: consent to the signature of a security key that nobody has touched is none. */
export function withTouch(
  verdict: Verdict,
  credential: { readonly securityKey?: SecurityKeyState },
): Verdict {
  const isConsent = verdict.type === 'accept' || verdict.type === 'partial';
  const isTouched = credential.securityKey?.isTouched ?? true;
  return isConsent && !isTouched && verdict.noTouchRequired !== true
    ? deny('nobody has touched the security key')
    : verdict;
}

function deny(reason: string): Verdict {
  return { type: 'deny', reason };
}
