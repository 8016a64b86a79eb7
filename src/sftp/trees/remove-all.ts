/** Removes a tree. */
import { catchError, concat, defer, EMPTY, mergeMap, type Observable, of, throwError } from 'rxjs';
import { escapeText, protocolError, SshError } from '../../errors.ts';
import { drain } from '../../operators/drain.ts';
import { fileName, type FileName, joinPath, type Path, pathBytes, pathText } from '../file-name.ts';
import { fileType, isDirectory } from '../file-type.ts';
import type { FileEntry } from '../client/directory-reader.ts';
import type { SftpClient } from '../client/sftp-client.ts';
import { utf8Text } from '../../wire/bytes.ts';
import { entryNameProblem, withoutSlashes } from './entry-name.ts';
import { isMissing } from './missing.ts';
import { DEEPEST, tooDeep } from './walk.ts';

/** Files of one folder that are removed at a time. */
const CONCURRENCY = 16;

/** Removes a file, or a folder with all that is in it; see `SftpClient.removeAll`. */
export function removeAll(fs: SftpClient, path: Path): Observable<never> {
  return defer(() => {
    const name = removablePath(path);
    return fs.lstat(name).pipe(
      mergeMap((attributes) =>
        isDirectory(attributes) ? removeFolder(fs, name, 1) : fs.remove(name),
      ),
      catchError(gone),
    );
  });
}

/** The path as it is removed. Throws `config` for the root, and for what may lead there. */
function removablePath(path: Path): FileName {
  const bytes = pathBytes(path);
  const names = utf8Text(bytes)
    .split('/')
    .filter((name) => name !== '' && name !== '.');
  if (names.length === 0 || names.includes('..')) {
    const message = `${JSON.stringify(pathText(path))} is not removed with all that is in it`;
    throw new SshError('config', message, { option: 'path' });
  }
  return fileName(withoutSlashes(bytes));
}

function removeFolder(fs: SftpClient, folder: FileName, depth: number): Observable<never> {
  if (depth > DEEPEST) return throwError(() => tooDeep(folder));
  const contents$ = fs
    .list(folder)
    .pipe(drain((entry) => removeEntry(fs, folder, entry, depth), { concurrency: CONCURRENCY }));
  return concat(contents$, fs.rmdir(folder)).pipe(catchError(gone));
}

function removeEntry(
  fs: SftpClient,
  folder: FileName,
  { name, attributes }: FileEntry,
  depth: number,
): Observable<never> {
  const problem = entryNameProblem(name);
  if (problem !== undefined) {
    const text = `${problem} in the listing of ${escapeText(folder.text)}`;
    return throwError(() => protocolError(text));
  }
  const path = joinPath(folder, name);
  const attributes$ = fileType(attributes) === 'unknown' ? fs.lstat(path) : of(attributes);
  return attributes$.pipe(
    mergeMap((told) => (isDirectory(told) ? removeFolder(fs, path, depth + 1) : fs.remove(path))),
    catchError(gone),
  );
}

/** What somebody else has removed meanwhile needs no removing. */
function gone(error: unknown): Observable<never> {
  return isMissing(error) ? EMPTY : throwError(() => error);
}
