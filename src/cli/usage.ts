/** What was typed is wrong: exit status 2, whatever else would have happened. */

/** Bad usage; the message says what and where. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Of something that this page of the manual has and this version has not. */
export function notYet(what: string): UsageError {
  return new UsageError(`${what} is not there yet`);
}

/** What an error says; errors of Node's may come from another realm. */
export function messageOf(thrown: unknown): string {
  const hasMessage = typeof thrown === 'object' && thrown !== null && 'message' in thrown;
  return String(hasMessage ? thrown.message : thrown);
}

/** Is this the error of the operating system with this code, `EEXIST` or another? */
export function hasCode(thrown: unknown, code: string): boolean {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === code;
}

/** Exit status of bad usage. */
export const USAGE_STATUS = 2;

/** Exit status of everything that fails on the way to a command, as of `ssh`. */
export const FAILURE_STATUS = 255;
