/** What was typed is wrong: exit status 2, whatever else would have happened. */

/** Bad usage; the message says what and where. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Of something that this page of the manual has and this version has not. */
export function notYet(what: string): UsageError {
  return new UsageError(`${what} is not there yet`);
}

/** Exit status of bad usage. */
export const USAGE_STATUS = 2;

/** Exit status of everything that fails on the way to a command, as of `ssh`. */
export const FAILURE_STATUS = 255;
