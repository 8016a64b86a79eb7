/** From what a file system returns, throws or emits to what a client is answered. */
import { concat, defer, ignoreElements, type Observable, type ObservableInput, of } from 'rxjs';
import { errorCode, escapeText, isSshError, type SshError } from '../../errors.ts';
import { fromInput } from '../../operators/from-input.ts';
import { lift } from '../../operators/lift.ts';
import type { ReplyPacket } from '../packets.ts';
import { statusError, StatusCode, statusText } from '../status.ts';

/** An answer without its id. */
export type Answer = WithoutId<Exclude<ReplyPacket, { type: 'VERSION' }>>;

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** What system errors become, as with OpenSSH's server; whatever else there is becomes FAILURE. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  ENOENT: StatusCode.NO_SUCH_FILE,
  ENOTDIR: StatusCode.NO_SUCH_FILE,
  ELOOP: StatusCode.NO_SUCH_FILE,
  EACCES: StatusCode.PERMISSION_DENIED,
  EPERM: StatusCode.PERMISSION_DENIED,
  EROFS: StatusCode.PERMISSION_DENIED,
};

/** What is said of system errors that a user can do something about. Without paths: they would be the server's. */
const TEXT_OF_CODE: Readonly<Record<string, string>> = {
  EEXIST: 'File exists',
  ENOTEMPTY: 'Directory not empty',
  EISDIR: 'Is a directory',
  ENOSPC: 'No space left on device',
  EDQUOT: 'Disk quota exceeded',
  EFBIG: 'File too large',
  ENAMETOOLONG: 'File name too long',
  EXDEV: 'Not on the same file system',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files',
  EBUSY: 'Busy',
};

/** A STATUS. */
export function status(code: number, message: string = statusText(code)): Answer {
  return { type: 'STATUS', code, message, language: '' };
}

/** The STATUS for what a file system has thrown. */
export function statusOf(error: unknown): Answer {
  if (isSshError(error, 'sftp')) return status(error.detail.status, ownText(error));
  if (isSshError(error, 'protocol')) return status(StatusCode.BAD_MESSAGE);
  const code = errorCode(error);
  if (typeof code !== 'string') return status(StatusCode.FAILURE);
  const known = Object.hasOwn(STATUS_OF_CODE, code) ? STATUS_OF_CODE[code] : undefined;
  if (known !== undefined) return status(known);
  return status(
    StatusCode.FAILURE,
    Object.hasOwn(TEXT_OF_CODE, code) ? TEXT_OF_CODE[code] : undefined,
  );
}

/** The text that a file system gave to an error of its own, without operation and path. */
function ownText({ message, detail }: SshError<'sftp'>): string {
  const { operation, path, status: code } = detail;
  const head = path === undefined ? `${operation}: ` : `${operation} ${escapeText(path)}: `;
  return message.startsWith(head) ? message.slice(head.length) : statusText(code);
}

/** Does the client learn from the status what it was? Then nobody else has to. */
export function isExplained(error: unknown): boolean {
  if (isSshError(error, 'sftp') || isSshError(error, 'protocol')) return true;
  const code = errorCode(error);
  return (
    typeof code === 'string' &&
    (Object.hasOwn(STATUS_OF_CODE, code) || Object.hasOwn(TEXT_OF_CODE, code))
  );
}

/** Asks a file system for a value; the first one counts. */
export function first<T>(ask: () => ObservableInput<T>): Observable<T> {
  return defer(() => inputOf(ask())).pipe(
    lift((out) => ({
      next(value) {
        out.next(value);
        out.complete();
      },
      complete() {
        throw statusError(StatusCode.FAILURE, 'answer');
      },
    })),
  );
}

/** Has a file system do something; emits OK when it is done. */
export function done(ask: () => ObservableInput<unknown>): Observable<Answer> {
  return concat(defer(() => inputOf(ask())).pipe(ignoreElements()), of(status(StatusCode.OK)));
}

/** What an operation that is offered returns. */
export function given<T>(returned: T | undefined): T {
  if (returned === undefined) throw statusError(StatusCode.OP_UNSUPPORTED, 'answer');
  return returned;
}

/** A text would be an iterable of characters, and who returns one means a single value. */
function inputOf<T>(returned: ObservableInput<T>): Observable<T> {
  return typeof returned === 'string' ? of(returned as T) : fromInput(returned);
}

/** The number that a uint64 is. Throws FAILURE for one past 2⁵³−1: nothing is there. */
export function safeNumber(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw statusError(StatusCode.FAILURE, 'seek', { message: 'Offset too large' });
  return Number(value);
}
