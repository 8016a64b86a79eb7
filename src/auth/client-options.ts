/** What a client can be told about logging in. */
import type { Observable, ObservableInput } from 'rxjs';
import type { Signer } from '../keys/signer.ts';

/**
 * Where keys come from: called when the keys before it are used up, so that an agent is not opened for nothing. Its error
 * ends this source only.
 */
export type IdentitySource = () => ObservableInput<Signer>;

/** Keys to try: one source, or several that are opened one after the other, each when those before it are used up. */
export type Identities =
  IdentitySource | Observable<Signer> | readonly (IdentitySource | Observable<Signer>)[];

/** The client's own host as a witness for its user (RFC 4252 §9). */
export interface HostbasedIdentity {
  /** The host's keys: `/etc/ssh/ssh_host_*_key`, or whatever signs with them. Each is tried once. */
  readonly hostKeys: Identities;
  /** The host's full name, as the server knows it. */
  readonly clientHost: string;
  /** Who the user is on that host. */
  readonly localUser: string;
}

/** What a question for a password is about. */
export interface PasswordQuestion {
  readonly user: string;
  /** 1 for the first question, 2 after the server has rejected an answer, … */
  readonly attempt: number;
}

/** Emits a password; `undefined`, or nothing at all, gives up. Called once for each try. */
export type PasswordSource = (
  question: PasswordQuestion,
) => string | undefined | ObservableInput<string | undefined>;

/** A server's wish for a new password (RFC 4252 §8). */
export interface PasswordChangeQuestion {
  readonly user: string;
  /** The server's text, as it came: escape it before it is shown. */
  readonly prompt: string;
  readonly languageTag: string;
}

/** What a server asks the user (RFC 4256 §3.2). Its texts are as they came: escape them before they are shown. */
export interface InteractiveQuestion {
  readonly user: string;
  /** 1 for the first try, 2 after the server has rejected the answers, … */
  readonly attempt: number;
  /** Of this try, from 1; what only tells something is no round. */
  readonly round: number;
  /** Title; often empty. */
  readonly name: string;
  readonly instruction: string;
  /** May be none: then there is only something to tell. */
  readonly prompts: readonly { readonly prompt: string; readonly echo: boolean }[];
}

/** How to log in. */
export interface ClientAuthOptions {
  /** The name to log in under. */
  readonly user: string;
  /** The service to start afterwards; `ssh-connection` unless said otherwise. */
  readonly service?: string;
  /**
   * Methods, in the order in which they are tried: `none`, `hostbased`, `publickey`, `keyboard-interactive`, `password` unless
   * said otherwise. `none` asks the server which methods it offers; without it the first method is tried on a guess. A method without credentials is passed over.
   */
  readonly methods?: readonly string[];
  /**
   * Keys for `publickey`, 64 at most. Each is tried once; an RSA key once more with its other algorithm when all others have been
   * rejected, for not every server takes what it lists.
   */
  readonly identities?: Identities;
  /**
   * Signature algorithms that keys may sign with, most preferred first, in place of all but those that sign with SHA-1 (`ssh-rsa`,
   * `ssh-dss`), which have to be named.
   */
  readonly signatureAlgorithms?: readonly string[];
  /** For `hostbased`: the server trusts the client's host to know its users. */
  readonly hostbased?: HostbasedIdentity;
  /** A password, tried once; or a function that is asked for one up to `passwordTries` times. */
  readonly password?: string | PasswordSource;
  /** How often a password function is asked; 3 unless said otherwise. */
  readonly passwordTries?: number;
  /**
   * Asked for a new password when the server wants one; `undefined`, or nothing at all, gives up. Without it the old password
   * is not sent again, and the try has failed.
   */
  readonly changePassword?: (
    question: PasswordChangeQuestion,
  ) => string | undefined | ObservableInput<string | undefined>;
  /**
   * Answers the server's questions, for `keyboard-interactive`: with a text for each prompt, in as many rounds as the server likes;
   * `undefined`, or nothing at all, gives up. A server that rejects the answers is tried once more, three times in all.
   */
  readonly keyboardInteractive?: (
    question: InteractiveQuestion,
  ) => readonly string[] | undefined | ObservableInput<readonly string[] | undefined>;
  /**
   * Takes SUCCESS for nothing as a failure: in answer to `none`, to a question about a key, or to `keyboard-interactive` without a
   * single answer. What such a server has to say later looks like a part of the login.
   */
  readonly refuseNone?: boolean;
  /**
   * Milliseconds that the server may take for an answer; 30 000 unless said otherwise, 0 is no limit. The time in which we
   * are at work, an agent signs or a person is asked does not count.
   */
  readonly timeout?: number;
  /**
   * Receives the server's banners as they come, those of a login that fails too: escape them before they are shown. 64 at most,
   * 8192 characters each.
   */
  readonly banner?: (text: string) => void;
}
