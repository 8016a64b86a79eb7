/** A login as the server's reducer knows it: its state, what happens to it, what is to be done. */
import type { AuthAttempt, SshError } from '../errors.ts';
import type { Permissions } from '../keys/permissions.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Message } from '../messages/catalogue.ts';
import type { Challenge, PartialSuccess, Verdict } from './policy.ts';
import type { Claim, Presented, UserauthRequest } from './server-method.ts';

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
export interface Partly {
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
  readonly credential: Presented | undefined;
  /** Prompts of the question that the client has not answered (RFC 4256 §3.2). */
  readonly prompts: number | undefined;
  /** Who was told to change the password. */
  readonly changing: string | undefined;
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
  /** The policy has something to ask the user. */
  | { readonly type: 'question'; readonly challenge: Challenge }
  /** The user has answered (RFC 4256 §3.4). */
  | { readonly type: 'answered'; readonly responses: readonly string[] }
  /** The policy has spoken, or will not. */
  | { readonly type: 'verdict'; readonly verdict: Verdict }
  /** The failure has been held back for long enough. */
  | { readonly type: 'delayed' };

/** What is to be done. */
export type ServerAuthEffect =
  | { readonly type: 'send'; readonly message: Message }
  /** A request, or an answer, is being looked at: the time of its reply counts from here. */
  | { readonly type: 'began' }
  /** Have the method look at the request. */
  | { readonly type: 'examine'; readonly request: UserauthRequest }
  | {
      readonly type: 'ask-policy';
      readonly user: string;
      readonly credential: Presented;
      readonly partialSuccesses: readonly PartialSuccess[];
    }
  | { readonly type: 'answer-policy'; readonly responses: readonly string[] }
  /** Nobody wants to know any more what the policy decides. */
  | { readonly type: 'call-off' }
  | { readonly type: 'delay' }
  | { readonly type: 'attempted'; readonly user: string; readonly attempt: AuthAttempt }
  | { readonly type: 'succeed'; readonly admitted: Admitted }
  | { readonly type: 'fail'; readonly error: SshError };
