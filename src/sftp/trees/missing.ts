/** What errors say of files that are not there. */
import { errorCode, isSshError } from '../../errors.ts';
import { StatusCode } from '../status.ts';

/** Is it the error of a file that is not there, on the server or on this side? */
export function isMissing(error: unknown): boolean {
  if (isSshError(error, 'sftp')) return error.detail.status === StatusCode.NO_SUCH_FILE;
  const code = isSshError(error, 'transfer') ? errorCode(error.cause) : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
