/** What a server's authentication is told, and the rules that it comes to. */
import { findRow } from '../crypto/standing.ts';
import { escapeText, SshError } from '../errors.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { hostbasedServer } from './methods/hostbased.ts';
import { keyboardInteractiveServer } from './methods/keyboard-interactive.ts';
import { noneServer } from './methods/none.ts';
import { passwordServer } from './methods/password.ts';
import { publicKeyServer } from './methods/publickey.ts';
import type { AuthAttemptInfo, AuthPolicy, AuthReport } from './policy.ts';
import type { ServerAuthRules } from './server-login.ts';
import type { ServerMethod } from './server-method.ts';

/** Who may log in, and how. */
export interface ServerAuthOptions {
  /** Decides about every try; see {@link AuthPolicy}. */
  authenticate(attempt: AuthAttemptInfo): ReturnType<AuthPolicy>;
  /** Told of each try, but for questions about keys that the policy has consented to. What it throws ends the connection. */
  attempted?(report: AuthReport): void;
  /**
   * Methods that are offered at first, of `publickey`, `password`, `keyboard-interactive` and `hostbased`; the former two unless said
   * otherwise.
   * What is left after a partial success, the policy says.
   */
  readonly methods?: readonly string[];
  /** Lets the policy be asked about `none`, which logs in whoever comes. Without it `none` always fails. */
  readonly allowNone?: boolean;
  /** Lets the policy be asked about an empty password. */
  readonly allowEmptyPassword?: boolean;
  /** Signature algorithms that user keys, and those of their hosts, may sign with; those that are on by default unless said otherwise. */
  readonly algorithms?: readonly string[];
  /** RSA keys below this are refused; 2048 unless said otherwise. */
  readonly minimumRsaBits?: number;
  /** Milliseconds from the start of the authentication to its success, whatever happens meanwhile; 60 000 unless said otherwise, 0 is no limit. */
  readonly loginGraceTime?: number;
  /** Failed tries before the client is disconnected; 6 unless said otherwise. The first `none` and questions about keys do not count. */
  readonly maxFailures?: number;
  /** Requests of any kind before the client is disconnected; 64 unless said otherwise. */
  readonly maxRequests?: number;
  /**
   * Milliseconds from a request to the reply that it has failed, at the least, and up to as much again by chance, whatever the
   * policy did meanwhile: so that the time does not tell which users exist. 50 unless said otherwise, 0 is at once.
   */
  readonly failureDelay?: number;
  /** Text that the client shows before the login (RFC 4252 §5.4). */
  readonly banner?: string;
}

/** Every method, with `none`. */
export const METHODS: readonly ServerMethod[] = [
  ...[noneServer, publicKeyServer, passwordServer, keyboardInteractiveServer, hostbasedServer],
];
/** `none` is allowed by an option of its own, and never listed (RFC 4252 §5.2). */
export const METHOD_NAMES = METHODS.map(({ name }) => name).filter((name) => name !== 'none');
const DEFAULT_METHODS = ['publickey', 'password'];

type ServerAuthSettings = Omit<ServerAuthOptions, 'authenticate' | 'attempted'>;

/**
 * Looks at options before there is anybody to log in.
 *
 * @throws SshError `config` for a method or a signature algorithm that there is none of
 */
export function checkServerAuth({
  methods = DEFAULT_METHODS,
  algorithms = [],
}: ServerAuthSettings): void {
  const method = methods.find((name) => !METHOD_NAMES.includes(name));
  if (method !== undefined) throw unknown('methods', `authentication method ${method}`);
  const algorithm = algorithms.find((name) => findRow(SIGNATURE_ALGORITHMS, name) === undefined);
  if (algorithm !== undefined) throw unknown('algorithms', `signature algorithm ${algorithm}`);
}

function unknown(option: string, what: string): SshError<'config'> {
  return new SshError('config', `no ${escapeText(what, 128)}`, { option });
}

/** The rules that the options come to. Throws like {@link checkServerAuth}. */
export function rulesOf(options: ServerAuthSettings): ServerAuthRules {
  checkServerAuth(options);
  const { methods = DEFAULT_METHODS, maxFailures = 6, maxRequests = 64 } = options;
  const allowNone = options.allowNone ?? false;
  return { service: 'ssh-connection', methods, allowNone, maxFailures, maxRequests };
}
