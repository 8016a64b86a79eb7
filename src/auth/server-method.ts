/** What a server's authentication method is: it reads a request and checks what the library can check by itself. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { USERAUTH_REQUEST } from '../messages/userauth.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import type { MessageOf } from '../wire/message.ts';
import type { Credential } from './policy.ts';

/** A USERAUTH_REQUEST (RFC 4252 §5). */
export type UserauthRequest = MessageOf<typeof USERAUTH_REQUEST>;

/** Longest password or answer, in bytes, that a policy is asked about: hashing a longer one is work for an attacker (CVE-2016-6515). */
const MAX_SECRET_BYTES = 1024;

/** Is it more than anyone would type? */
export function isTooLong(secret: string): boolean {
  return utf8Bytes(secret).length > MAX_SECRET_BYTES;
}

/** What a client has presented: a credential without the means to ask its user. */
export type Presented =
  | Exclude<Credential, { readonly method: 'keyboard-interactive' }>
  | { readonly method: 'keyboard-interactive'; readonly submethods: readonly string[] };

/** What a request has come to before anyone is asked. */
export type Claim =
  /** Goes to the policy. */
  | { readonly type: 'ask'; readonly credential: Presented }
  /** Is refused without asking. */
  | {
      readonly type: 'refuse';
      readonly reason: string;
      /** What it stood on, for the trail of attempts. */
      readonly with?: string;
      /** A question about a key; it is no failed try. */
      readonly isQuestion?: boolean;
    };

/** What a method needs to know. */
export interface ServerMethodContext {
  readonly sessionId: Uint8Array;
  readonly provider: CryptoProvider;
  /** Signature algorithms that are accepted. */
  readonly algorithms: readonly string[];
  readonly minimumRsaBits: number;
  readonly allowEmptyPassword: boolean;
}

/** A method of the server. */
export interface ServerMethod {
  /** RFC 4252 name. */
  readonly name: string;
  /** Reads a request. Throws `protocol` for one that is malformed. */
  examine(request: UserauthRequest, context: ServerMethodContext): Claim;
}
