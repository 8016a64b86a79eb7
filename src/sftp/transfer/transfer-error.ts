/** Errors of transfers. */
import {
  type ErrorDetails,
  type ErrorKind,
  escapeText,
  isSshError,
  SshError,
  toError,
} from '../../errors.ts';
import type { FileName } from '../file-name.ts';

/** What Node puts behind the system's words: its path may be a name that nobody but us knows. */
const SYSTEM_CALL = /, [a-z]+ '.*'$/s;

/** Kinds that tell of one file; all others are the end of the session, and so of everything. */
const FILE_KINDS: ReadonlySet<ErrorKind> = new Set(['sftp', 'transfer', 'unsupported', 'overflow']);

type Reason = ErrorDetails['transfer']['reason'];

/** A transfer that cannot be done. */
export function transferError(
  reason: Reason,
  { text }: FileName,
  message: string,
): SshError<'transfer'> {
  return new SshError('transfer', `${escapeText(text)}: ${message}`, { reason, path: text });
}

/** Does an error concern a file, so that others may still be transferred? */
export function isAboutFile(error: unknown): error is SshError {
  return isSshError(error) && FILE_KINDS.has(error.kind);
}

/** A file of this side that the system refuses. */
export function localError(
  thrown: unknown,
  { text }: FileName,
  bytes?: number,
): SshError<'transfer'> {
  const cause = toError(thrown);
  const detail = { reason: 'local', path: text } as const;
  return new SshError(
    'transfer',
    `local file ${escapeText(text)}: ${escapeText(cause.message.replace(SYSTEM_CALL, ''))}`,
    bytes === undefined ? detail : { ...detail, bytes },
    { cause },
  );
}

/** What a server says of a file by the name that it has until it is whole, told of the name that it shall have. */
export function renamedError(error: unknown, written: FileName, path: FileName): unknown {
  if (!isSshError(error, 'sftp') || error.detail.path !== written.text) return error;
  const [hidden, shown] = [escapeText(written.text), escapeText(path.text)];
  const message = error.message.replace(hidden, () => shown);
  return new SshError('sftp', message, { ...error.detail, path: path.text }, { cause: error });
}

/** A file that did not become as long as it should. Throws nothing where it has. */
export function checkSize(
  path: FileName,
  bytes: number | undefined,
  expected: number | undefined,
): void {
  if (expected === undefined || bytes === expected) return;
  const had = bytes === undefined ? 'an unknown number of' : String(bytes);
  const message = `${escapeText(path.text)} has ${had} bytes, and not ${String(expected)}`;
  const detail = { reason: 'size', path: path.text, expected } as const;
  throw new SshError('transfer', message, bytes === undefined ? detail : { ...detail, bytes });
}
