/**
 * The one error class of rxssh. Whatever can go wrong arrives as an `SshError` on the stream that it belongs to,
 * with a `kind` from a closed list and a `detail` whose type follows from the kind.
 */

/** How a remote command ended (RFC 4254 §6.10); `missing` is a CLOSE that came without a status. */
export type Exit =
  | { readonly kind: 'status'; readonly status: number }
  | {
      readonly kind: 'signal';
      /** Signal name without `SIG`, as on the wire: `TERM`, `KILL`, … */
      readonly signal: string;
      readonly coreDumped: boolean;
      readonly errorMessage: string;
    }
  | { readonly kind: 'missing' };

/** One try to authenticate, as the `auth` error and the trace report it. */
export interface AuthAttempt {
  /** RFC 4252 method name: `none`, `password`, `publickey`, … */
  readonly method: string;
  /** What the attempt stood on: a key's fingerprint and source; never a secret. */
  readonly with?: string;
  /**
   * `rejected`: the server judged it and said no. `partial`: accepted, more is needed. `refused-type`: the server does not
   * offer the method or the signature algorithm. `skipped`: nothing was sent, `reason` says why.
   */
  readonly outcome: 'rejected' | 'partial' | 'refused-type' | 'skipped';
  /** Why: the text of an error, or what was missing. */
  readonly reason?: string;
}

/** One address that a connect tried, and what came of it. */
export interface ConnectAttempt {
  readonly address: string;
  readonly port: number;
  readonly message: string;
}

/** The lists that both sides offered in one category of algorithms. */
export interface NegotiationFailure {
  /** `key exchange`, `host key`, `cipher client to server`, … */
  readonly category: string;
  /** Our names, best first. */
  readonly ours: readonly string[];
  /** The peer's. */
  readonly theirs: readonly string[];
}

/** What each kind of error carries in `detail`. */
export interface ErrorDetails {
  /** The peer broke the protocol, or its data did not verify. */
  protocol: { readonly disconnectReason: number };
  /** A DISCONNECT message ended the connection (RFC 4253 §11.1). */
  disconnect: {
    readonly reasonCode: number;
    readonly description: string;
    readonly by: 'us' | 'peer';
  };
  /** No algorithm in common, or the exchange itself failed. */
  'key-exchange': { readonly failure?: NegotiationFailure };
  /** The server's host key is not trusted. */
  'host-key': {
    readonly reason: 'unknown' | 'changed' | 'revoked' | 'rejected';
    readonly host: string;
    readonly algorithm: string;
    readonly fingerprint: string;
    readonly file?: string;
    readonly line?: number;
  };
  /** Every way to log in was tried. */
  auth: { readonly attempts: readonly AuthAttempt[]; readonly methodsLeft: readonly string[] };
  /** The peer refused to open a channel (RFC 4254 §5.1). */
  'channel-open': { readonly reasonCode: number; readonly description: string };
  /** The peer answered a request with failure. */
  'request-refused': { readonly request: string };
  /** The command did not end with status 0. */
  exit: { readonly exit: Exit; readonly stderrTail: string };
  /** An SFTP server answered with a STATUS that is an error (draft-ietf-secsh-filexfer-02 §7). */
  sftp: {
    /** The code, and its name in the draft: 2, `NO_SUCH_FILE`. */
    readonly status: number;
    readonly name: string;
    /** What was asked for: `open`, `rename`, … */
    readonly operation: string;
    /** The path that it was asked for, as text; the first one where there are two. */
    readonly path?: string;
    /** Where in the file, in bytes from its beginning, of a read or a write. */
    readonly position?: number;
  };
  /** A file could not be got or put whole, for a reason that is not the server's refusal: that is an `sftp` error. */
  transfer: {
    /**
     * `local`: a file of this side, `cause` is the system's error. `size`: it did not become as long as it should, see `bytes`
     * and `expected`. `name`: a name that cannot be one here. `type`: not a file, or a folder without `recursive`.
     */
    readonly reason: 'local' | 'size' | 'name' | 'type';
    /** The file, as text. */
    readonly path: string;
    /** Of `size`: what it has. Of `local`: where the read or the write was, in bytes from the beginning of the file. */
    readonly bytes?: number;
    readonly expected?: number;
  };
  /** The transport ended without a DISCONNECT or a CLOSE. */
  'connection-lost': { readonly bytesReceived?: number };
  /** A deadline passed. */
  timeout: { readonly phase: string; readonly milliseconds: number };
  /** No address could be connected to. */
  connect: {
    readonly host: string;
    readonly port: number;
    readonly attempts: readonly ConnectAttempt[];
  };
  /** Something would have grown past its limit. */
  overflow: { readonly what: string; readonly limit: number };
  /** A key, signature or key file is malformed or cannot be read. */
  'key-format': {
    readonly reason: 'malformed' | 'unsupported' | 'passphrase-needed' | 'wrong-passphrase';
  };
  /** An option, host name or configuration line is wrong. */
  config: { readonly option?: string; readonly file?: string; readonly line?: number };
  /** An `AbortSignal` fired. */
  aborted: Record<never, never>;
  /** The client or channel was used after it was let go. */
  released: { readonly what: string };
  /** rxssh, or the peer, cannot do this. */
  unsupported: { readonly feature: string };
}

/** The closed list of error kinds. */
export type ErrorKind = keyof ErrorDetails;

/** Kinds for which another try may well succeed when nothing else is said. */
const TRANSIENT_KINDS: ReadonlySet<ErrorKind> = new Set(['connection-lost', 'timeout', 'connect']);

const BRAND = Symbol.for('rxssh.SshError');

/**
 * The error of every rxssh stream.
 *
 * @example
 * ```ts
 * connect('db1').subscribe({
 *   error: (e) => {
 *     if (isSshError(e, 'auth')) console.log(e.detail.attempts);
 *   },
 * });
 * ```
 */
export class SshError<K extends ErrorKind = ErrorKind> extends Error {
  override readonly name = 'SshError';
  /** What went wrong, from the closed list. */
  readonly kind: K;
  /** The facts that belong to this kind. */
  readonly detail: ErrorDetails[K];
  /** May a retry help? */
  readonly transient: boolean;

  constructor(
    kind: K,
    message: string,
    detail: ErrorDetails[K],
    options: { readonly cause?: unknown; readonly transient?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.detail = detail;
    this.transient = options.transient ?? TRANSIENT_KINDS.has(kind);
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Narrows an unknown value to an `SshError`, and to one kind of it when `kind` is given.
 * Works across two installed copies of the package.
 */
export function isSshError<K extends ErrorKind = ErrorKind>(
  error: unknown,
  kind?: K,
): error is SshError<K> {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false;
  return kind === undefined || (error as unknown as SshError).kind === kind;
}

/** A `protocol` error; `disconnectReason` is what the peer is told (default 2, PROTOCOL_ERROR; RFC 4253 §11.1). */
export function protocolError(
  message: string,
  disconnectReason = 2,
  cause?: unknown,
): SshError<'protocol'> {
  return new SshError('protocol', message, { disconnectReason }, { cause });
}

/**
 * The `aborted` error of an `AbortSignal` that fired, with the signal's reason as its cause.
 */
export function abortedError(signal: AbortSignal): SshError<'aborted'> {
  return new SshError('aborted', 'aborted by an AbortSignal', {}, { cause: signal.reason });
}

/** Any thrown value as an `Error`, so that a `cause` is never a bare string; those of other realms are errors too. */
export function toError(thrown: unknown): Error {
  const isError =
    thrown instanceof Error || Object.prototype.toString.call(thrown) === '[object Error]';
  return isError ? (thrown as Error) : new Error(String(thrown));
}

/** The `code` of a system error: `ENOENT`, … */
export function errorCode(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown
    ? thrown.code
    : undefined;
}

/**
 * Text of the peer made safe to show: control characters (C0, C1, DEL) and bidirectional overrides escaped, at most `limit`
 * characters kept.
 */
export function escapeText(text: string, limit = 1024): string {
  const kept = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return kept.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      const code = character.charCodeAt(0);
      return code < 0x100
        ? `\\x${code.toString(16).padStart(2, '0')}`
        : `\\u${code.toString(16).padStart(4, '0')}`;
    },
  );
}
