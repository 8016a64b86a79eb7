/**
 * Getting from and putting to a server without SFTP, in scp's own protocol: what goes where is as in `transfer-files`, as far as
 * that can be known without a look at what the server has. There are no patterns.
 */
import { mergeMap, type Observable } from 'rxjs';
import {
  drain,
  fileName,
  fromPull,
  localFiles,
  type SshClient,
  type TransferOptions,
  type TransferProgress,
} from '../node.ts';
import { checkPlace, failedAs, isFolder, isInto, NAMELESS } from './transfer-files.ts';

/** A `.` behind a folder: scp would tell it for the folder's name, which is none. */
const DOT = /([^/])\/+\.\/*$/;

/** A server, and how to move files. */
export interface ScpContext {
  readonly client: SshClient;
  readonly options: TransferOptions;
}

/** Gets files and folders, one behind the other. One that fails is told as `failed`, and the others go on. */
export function getByScp(
  { client, options }: ScpContext,
  paths: readonly string[],
  local: string,
  areMany: boolean,
): Observable<TransferProgress> {
  return isFolder(() => localFiles.stat(localFiles.path(local))).pipe(
    mergeMap((isThere) => {
      const place = { text: local, isThere, areMany };
      checkPlace(place);
      return fromPull(paths).pipe(
        drain((path) => {
          const to = isInto(place, path, options) ? local.replace(/\/*$/, '/') : local;
          return client
            .get(fromHome(path).replace(DOT, '$1'), to, { ...options, protocol: 'scp' })
            .pipe(failedAs(fileName(Buffer.from(path)), localFiles.path(local)));
        }),
      );
    }),
  );
}

/** Puts files and folders, the same way. The scp of the server puts a folder into one that is there. */
export function putByScp(
  { client, options }: ScpContext,
  locals: readonly string[],
  target: string,
): Observable<TransferProgress> {
  const path = fromHome(target);
  const inside = `${path.replace(/\/*$/, '')}/`;
  return fromPull(locals).pipe(
    drain((local) =>
      isFolder(() => localFiles.stat(localFiles.path(local))).pipe(
        mergeMap((isTree) => {
          const isInside = locals.length > 1 || (isTree && !NAMELESS.test(local));
          return client
            .put(local, isInside ? inside : path, { ...options, protocol: 'scp' })
            .pipe(failedAs(localFiles.path(local), fileName(Buffer.from(path))));
        }),
      ),
    ),
  );
}

/** There is no shell to know `~`, which is where scp starts. */
function fromHome(path: string): string {
  const plain = path.replace(/^~(?:\/+|$)/, '');
  return plain === '' ? '.' : plain;
}
