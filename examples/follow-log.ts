/**
 * Follows a file of a server that grows, as `tail -F` does, over SFTP alone: for servers that run no commands. A file that was
 * cut or replaced by a shorter one is read from its beginning again.
 *
 *     node follow-log.js [--all] [USER@]HOST[:PORT] PATH
 *
 * `--all` begins at the beginning, and not at the end.
 */
import {
  connect,
  escapeText,
  isSshError,
  sftp,
  type SftpClient,
  splitLines,
  StatusCode,
} from 'rxssh';
import {
  catchError,
  concatMap,
  EMPTY,
  exhaustMap,
  type Observable,
  of,
  tap,
  throwError,
  timer,
} from 'rxjs';

const INTERVAL = 500;

/** The lines that come from now on; `position` is where to begin, the end of the file unless said otherwise. */
export function followLines(fs: SftpClient, path: string, position?: number): Observable<string> {
  let at = position;
  const more = (size: number): Observable<Uint8Array> => {
    at ??= size;
    if (size < at) at = 0;
    if (size === at) return EMPTY;
    // up to the end, wherever that is by then
    return fs.read(path, { start: at }).pipe(tap((bytes) => (at = (at ?? 0) + bytes.length)));
  };
  return timer(0, INTERVAL).pipe(
    // while one look goes on, there is no other
    exhaustMap(() => sizeOf(fs, path).pipe(concatMap(more))),
    splitLines(),
  );
}

/** Nothing while there is no file: logs are rotated. */
function sizeOf(fs: SftpClient, path: string): Observable<number> {
  return fs.stat(path).pipe(
    concatMap(({ size = 0 }) => of(size)),
    catchError((error: unknown) => {
      const isMissing =
        isSshError(error, 'sftp') && error.detail.status === StatusCode.NO_SUCH_FILE;
      return isMissing ? EMPTY : throwError(() => error);
    }),
  );
}

const args = process.argv.slice(2);
const isAll = args[0] === '--all';
const [host, path] = isAll ? args.slice(1) : args;
if (host === undefined || path === undefined) {
  console.error('usage: follow-log [--all] [USER@]HOST[:PORT] PATH');
  process.exitCode = 2;
} else {
  // the lines are somebody else's: they shall not move our cursor
  const following = connect(host)
    .pipe(sftp((fs) => followLines(fs, path, isAll ? 0 : undefined)))
    .subscribe((line) => console.log(escapeText(line)));
  process.once('SIGINT', () => following.unsubscribe());
}
