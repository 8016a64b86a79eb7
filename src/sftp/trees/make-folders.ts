/** Makes a folder and those above it. */
import { catchError, concat, defer, EMPTY, mergeMap, type Observable, throwError } from 'rxjs';
import { isSshError } from '../../errors.ts';
import { type Path, pathBytes } from '../file-name.ts';
import { isDirectory } from '../file-type.ts';
import type { PathOperations } from '../client/path-operations.ts';
import { parentPath } from './entry-name.ts';
import { isMissing } from './missing.ts';

/** How folders are made. */
export interface MakeFoldersOptions {
  /** Permissions of the folders that are made. The server's own default without it. */
  readonly mode?: number;
}

/** Makes a folder, and those above it that are missing; see `SftpClient.mkdirp`. */
export function makeFolders(
  fs: PathOperations,
  path: Path,
  options: MakeFoldersOptions = {},
): Observable<never> {
  return defer(() => {
    const bytes = pathBytes(path);
    const make$ = fs.mkdir(bytes, options);
    return make$.pipe(
      catchError((error: unknown) => {
        const parent = isMissing(error) ? parentPath(bytes) : undefined;
        const again$ =
          parent === undefined
            ? throwError(() => error)
            : concat(makeFolders(fs, parent, options), make$);
        // somebody else may have made it meanwhile, and servers say no more than "failure" of what is there
        return again$.pipe(catchError((reason: unknown) => whereFolder(fs, bytes, reason)));
      }),
    );
  });
}

/** Nothing where there is a folder; the reason where there is none. */
function whereFolder(fs: PathOperations, path: Uint8Array, reason: unknown): Observable<never> {
  if (!isSshError(reason, 'sftp')) return throwError(() => reason);
  return fs.stat(path).pipe(
    catchError(() => throwError(() => reason)),
    mergeMap((attributes) => (isDirectory(attributes) ? EMPTY : throwError(() => reason))),
  );
}
