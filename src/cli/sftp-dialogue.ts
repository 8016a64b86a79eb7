/** The lines of `rxssh sftp`, one command behind the other, and what comes of each. */
import {
  catchError,
  concat,
  defaultIfEmpty,
  defer,
  EMPTY,
  fromEvent,
  identity,
  ignoreElements,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  type Observable,
  of,
  take,
  takeUntil,
  throwError,
} from 'rxjs';
import { drain } from '../node.ts';
import { runCommandLine } from './sftp-commands.ts';
import { FILE_STATUS, shownFailure, shownName } from './sftp-connection.ts';
import { parseCommandLine } from './sftp-parser.ts';
import { PROMPT } from './sftp-prompt.ts';
import type { SftpSession } from './sftp-session.ts';

/**
 * Runs lines, one at a time, up to `bye`. A batch ends at the first command that fails, unless a `-` stands in front of it.
 *
 * 1. Emits the exit status, and completes.
 * 2. A line's credit is held until its command is done.
 * 3. Errors with what ends the connection, whether a command runs or none.
 *
 * @param line$ - with credit
 */
export function runLines(session: SftpSession, line$: Observable<string>): Observable<number> {
  const status$ = line$.pipe(
    drain((line) => runLine(session, line)),
    take(1),
    defaultIfEmpty(0),
  );
  const lost$ = session.fs.closed$.pipe(mergeMap((error) => throwError(() => error)));
  return merge(status$, lost$).pipe(take(1));
}

/** Emits an exit status when it is the last line. */
function runLine(session: SftpSession, text: string): Observable<number> {
  let mayFail = session.isInteractive;
  const work$ = defer(() => {
    const line = parseCommandLine(text);
    if (line === undefined) return EMPTY;
    mayFail ||= line.mayFail;
    if (!session.isInteractive && !line.isSilent)
      session.line(`${PROMPT}${shownName(text.trim())}`);
    return runCommandLine(session, line);
  });
  const failed$ = work$.pipe(
    interruptible(session),
    ignoreElements(),
    catchError((thrown: unknown) => {
      if (session.ended !== undefined) return throwError(() => thrown);
      session.messages.error(shownFailure(thrown));
      return mayFail ? EMPTY : of(FILE_STATUS);
    }),
  );
  return concat(
    failed$,
    defer(() => (session.isOver ? of(0) : EMPTY)),
  );
}

/** The interrupt key takes a person's command back, and not the session. */
function interruptible<T>({ isInteractive }: SftpSession): MonoTypeOperatorFunction<T> {
  return isInteractive ? takeUntil(fromEvent(process, 'SIGINT')) : identity;
}
