/** Runs a command to its end. */
import { catchError, lastValueFrom, type Observable, of } from 'rxjs';
import { isSshError } from '../node.ts';
import type { CliIo } from './io.ts';
import { FAILURE_STATUS, messageOf, USAGE_STATUS, UsageError } from './usage.ts';

/** Resolves with the exit status, whatever happens. What fails is told on stderr. */
export async function run(status$: Observable<number>, io: CliIo): Promise<number> {
  const settled$ = status$.pipe(catchError((thrown: unknown) => of(failure(thrown, io))));
  try {
    return await lastValueFrom(settled$, { defaultValue: FAILURE_STATUS });
  } finally {
    io.terminal?.close();
  }
}

/** What is wrong with an option is the user's to mend; all else has failed. */
export function failure(thrown: unknown, io: CliIo): number {
  io.stderr.write(`rxssh: ${messageOf(thrown)}\n`);
  const isUsage = thrown instanceof UsageError || isSshError(thrown, 'config');
  return isUsage ? USAGE_STATUS : FAILURE_STATUS;
}
