/** From what was typed to transfers: patterns, and where each file goes. */
import {
  catchError,
  defer,
  map,
  mergeMap,
  type Observable,
  of,
  type OperatorFunction,
  throwError,
  toArray,
} from 'rxjs';
import {
  drain,
  type DrainOptions,
  type FileAttributes,
  fileName,
  type FileName,
  fromPull,
  isDirectory,
  isSshError,
  joinPath,
  localFiles,
  type SftpClient,
  type TransferOptions,
  type TransferProgress,
} from '../node.ts';
import { isAboutFiles } from './sftp-connection.ts';
import type { RemotePaths } from './sftp-paths.ts';
import { UsageError } from './usage.ts';

/** One side of a server, and how to move files. */
export interface TransferContext {
  readonly fs: SftpClient;
  readonly remote: RemotePaths;
  readonly options: TransferOptions;
}

/** What has no name of its own: `.`, `..`, `/`. */
export const NAMELESS = /(^|\/)\.{0,2}\/*$/;
const DEFAULT_CONCURRENCY = 4;

/**
 * Gets what patterns stand for: into a folder that is there, or as `local`. A file that fails is told as `failed`, and the
 * others go on. Errors with what ends the connection.
 *
 * @param areMany - is more got than these patterns, and a folder needed?
 */
export function getFiles(
  { fs, remote, options }: TransferContext,
  patterns: readonly string[],
  local: string,
  areMany = patterns.length > 1,
): Observable<TransferProgress> {
  const isFolder$ = isFolder(() => localFiles.stat(localFiles.path(local)));
  return isFolder$.pipe(
    mergeMap((isThere) => {
      const place = { text: local, isThere, areMany };
      const sources$ = fromPull(patterns).pipe(
        drain((pattern) =>
          remote.matches(pattern, 'get').pipe(
            toArray(),
            mergeMap((matches) => {
              checkPlace({ ...place, areMany: areMany || matches.length > 1 });
              return fromPull(matches);
            }),
            failedAs(fileName(Buffer.from(pattern)), localFiles.path(local)),
          ),
        ),
      );
      return sources$.pipe(
        drain((source) => {
          if ('state' in source) return of(source);
          const { path } = source;
          const target = isInto(place, path.text, options) ? local.replace(/\/*$/, '/') : local;
          return fs.get(path, target, options).pipe(failedAs(path, localFiles.path(local)));
        }, sideBySide(options)),
      );
    }),
  );
}

/** Puts files of this machine, the same way. */
export function putFiles(
  { fs, remote, options }: TransferContext,
  locals: readonly string[],
  target: string,
): Observable<TransferProgress> {
  return remote.one(target).pipe(
    mergeMap((path) => isFolder(() => fs.stat(path)).pipe(map((isThere) => ({ path, isThere })))),
    mergeMap(({ path, isThere }) => {
      const place = { text: path.text, isThere, areMany: locals.length > 1 };
      checkPlace(place);
      // with a slash behind it
      const inside = joinPath(path, '');
      return fromPull(locals).pipe(
        drain((local) => {
          const to = isInto(place, local, options) ? inside : path;
          return fs.put(local, to, options).pipe(failedAs(localFiles.path(local), path));
        }, sideBySide(options)),
      );
    }),
  );
}

/** Where things go. */
export interface Place {
  readonly text: string;
  /** Is it a folder that is there? */
  readonly isThere: boolean;
  readonly areMany: boolean;
}

/** Files go side by side; trees one behind the other, for there files go side by side already. */
function sideBySide({
  recursive,
  concurrency = DEFAULT_CONCURRENCY,
}: TransferOptions): DrainOptions {
  return { concurrency: recursive === true ? 1 : concurrency };
}

export function checkPlace({ text, isThere, areMany }: Place): void {
  if (areMany && !isThere) throw new UsageError(`${JSON.stringify(text)} is no folder`);
}

/**
 * Does a file or folder go into the folder, by its own name? As with `cp`; of what has no name of its own (`.`), the contents
 * do. What is resumed goes where it went before: there a folder is what it shall be called, unless a slash is behind it.
 */
export function isInto(
  { text, isThere, areMany }: Place,
  source: string,
  { resume, recursive }: TransferOptions,
): boolean {
  if (!isThere || NAMELESS.test(source)) return false;
  return resume !== true || recursive !== true || areMany || NAMELESS.test(text);
}

/** What cannot be asked about is no folder: whatever is wrong with it, the transfer will say. */
export function isFolder(stat: () => Observable<FileAttributes>): Observable<boolean> {
  return defer(stat).pipe(
    map(isDirectory),
    catchError((error: unknown) =>
      isSshError(error) && isAboutFiles(error) ? of(false) : throwError(() => error),
    ),
  );
}

/** Tells a failure as an event; what ends the connection ends everything. */
export function failedAs<T>(
  source: FileName,
  target: FileName,
): OperatorFunction<T, T | TransferProgress> {
  return (source$) =>
    source$.pipe(
      catchError((error: unknown) => {
        if (!isSshError(error) || !isAboutFiles(error)) return throwError(() => error);
        const nothing = { bytes: 0, total: undefined, rate: 0, resumed: 0 };
        const failed: TransferProgress = {
          state: 'failed',
          file: source.text,
          source,
          target,
          error,
          ...nothing,
        };
        return of(failed);
      }),
    );
}
