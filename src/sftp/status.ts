/** Codes of STATUS (draft-ietf-secsh-filexfer-02 §7), and the errors that they become. */
import { escapeText, SshError } from '../errors.ts';
import { nameOfCode } from '../messages/codes.ts';
import { type Path, pathText } from './file-name.ts';

/** The codes of version 3, by their names. */
export const StatusCode = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  NO_CONNECTION: 6,
  CONNECTION_LOST: 7,
  OP_UNSUPPORTED: 8,
} as const;

/** The name of a code of version 3. */
export type StatusName = keyof typeof StatusCode;

const TEXTS: Readonly<Record<StatusName, string>> = {
  OK: 'Success',
  EOF: 'End of file',
  NO_SUCH_FILE: 'No such file',
  PERMISSION_DENIED: 'Permission denied',
  FAILURE: 'Failure',
  BAD_MESSAGE: 'Bad message',
  NO_CONNECTION: 'No connection',
  CONNECTION_LOST: 'Connection lost',
  OP_UNSUPPORTED: 'Operation unsupported',
};

/** The name of a code, or its digits when version 3 has none for it. */
export function statusName(code: number): string {
  return nameOfCode(StatusCode, code);
}

/** What is said of a code when nobody says more. */
export function statusText(code: number): string {
  const name = statusName(code);
  return name in TEXTS ? TEXTS[name as StatusName] : `Status ${name}`;
}

/** Facts of an `sftp` error besides its code. */
export interface StatusErrorOptions {
  readonly path?: Path | undefined;
  /** Where in the file, in bytes, of a read or a write. */
  readonly position?: number | undefined;
  /** What the server said, as it came. */
  readonly message?: string;
  readonly cause?: unknown;
}

/**
 * The error of an operation that a server refused, or that a file system refuses: one of these, thrown by a file system, is
 * sent with its code.
 *
 * @param code - one of {@link StatusCode}, or what the server sent
 * @param operation - `open`, `rename`, …
 *
 * @example `throw statusError(StatusCode.NO_SUCH_FILE, 'open', { path: '/a' })`
 */
export function statusError(
  code: number,
  operation: string,
  { path, position, message = '', cause }: StatusErrorOptions = {},
): SshError<'sftp'> {
  const shown = path === undefined ? undefined : pathText(path);
  const subject = shown === undefined ? operation : `${operation} ${escapeText(shown)}`;
  const text = message === '' ? statusText(code) : escapeText(message);
  const detail = {
    status: code,
    name: statusName(code),
    operation,
    ...(shown === undefined ? {} : { path: shown }),
    ...(position === undefined ? {} : { position }),
  };
  return new SshError('sftp', `${subject}: ${text}`, detail, { cause });
}
