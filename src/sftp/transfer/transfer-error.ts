/** Errors of transfers. */
import { type ErrorDetails, escapeText, SshError, toError } from '../../errors.ts';
import type { FileName } from '../file-name.ts';

type Reason = ErrorDetails['transfer']['reason'];

/** A transfer that cannot be done. */
export function transferError(
  reason: Reason,
  { text }: FileName,
  message: string,
): SshError<'transfer'> {
  return new SshError('transfer', `${escapeText(text)}: ${message}`, { reason, path: text });
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
    `local file ${escapeText(text)}: ${escapeText(cause.message)}`,
    bytes === undefined ? detail : { ...detail, bytes },
    { cause },
  );
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
