/** What a server's authentication method is: it reads a request and checks what the library can check by itself. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { USERAUTH_REQUEST } from '../messages/userauth.ts';
import type { MessageOf } from '../wire/message.ts';
import type { Credential } from './policy.ts';

/** A USERAUTH_REQUEST (RFC 4252 §5). */
export type UserauthRequest = MessageOf<typeof USERAUTH_REQUEST>;

/** What a request has come to before anyone is asked. */
export type Claim =
  /** Goes to the policy. */
  | { readonly type: 'ask'; readonly credential: Credential }
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
