/**
 * What a client's authentication method is: a source of credentials, one try after the other. Which method is tried next, and
 * what the server's answers mean, is for client-state.ts; a method only knows its own requests and its own messages 60 to 79.
 */
import type { Observable, Subscription } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { AuthAttempt } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';
import type { MessageRow } from '../wire/message.ts';
import type { ClientAuthOptions } from './client-options.ts';

/** What a method does next. */
export type ClientMove =
  /** Sends a request. */
  | {
      readonly type: 'request';
      /** What stands behind the method's name (RFC 4252 §5). */
      readonly methodData: Uint8Array;
      /** What the request stands on, for messages; never a secret. */
      readonly with?: string;
      /** It only asks, and proves nothing of who the user is. */
      readonly isQuestion?: boolean;
    }
  /** Answers a message of the server in the course of a request. */
  | { readonly type: 'response'; readonly message: Message }
  /** Gives a credential up, and says why. */
  | { readonly type: 'attempt'; readonly attempt: Omit<AuthAttempt, 'method'> };

/** A method that has credentials to try. */
export interface ClientMethod {
  /** RFC 4252 name. */
  readonly name: string;
  /** Messages 60 to 79 that the server may send while this method is tried. */
  readonly rows: readonly MessageRow[];
  /** May the method go on with another credential when the server has taken one and wants more? */
  readonly hasManyCredentials: boolean;
  /** The next credential: emits one move; completes without one when none is left. */
  next(): Observable<ClientMove>;
  /**
   * The request that was sent last has come to nothing: its credential was `rejected`, or was not looked at because the server does
   * not offer the method now (`refused-type`), and may be wanted later.
   */
  refused?(outcome: 'rejected' | 'refused-type'): void;
  /** Answers a message of the method: emits one move. Throws, or errors with, `protocol` for a message out of place. */
  answer(message: Message): Observable<ClientMove>;
}

/** What a method is made from. */
export interface ClientMethodContext {
  readonly options: ClientAuthOptions;
  readonly service: string;
  readonly sessionId: Uint8Array;
  readonly provider: CryptoProvider;
  /** What came in EXT_INFO (RFC 8308). */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
  /** Ends with the authentication: what a method keeps open is added to it. */
  readonly lifetime: Subscription;
}

/** Makes a method; `undefined` when the options hold no credential for it. */
export type ClientMethodFactory = (context: ClientMethodContext) => ClientMethod | undefined;
