/** What `ls` lists: the entries of a folder, a file, or what a pattern stands for. */
import { map, mergeMap, type Observable, of, toArray } from 'rxjs';
import {
  type FileAttributes,
  isDirectory,
  isSymbolicLink,
  type SftpClient,
  type FileName,
} from '../node.ts';
import type { ListedFile } from './sftp-listing.ts';
import type { RemoteMatch, RemotePaths } from './sftp-paths.ts';

/** What is listed. */
export interface ListingSource {
  readonly file$: Observable<ListedFile>;
  /** Were the files named one by one? Then those that begin with a dot are meant too. */
  readonly isNamed: boolean;
}

/** Emits what a pattern asks to be listed, once: a folder's entries where it stands for one folder, as in `ls`. */
export function listingSource(
  fs: SftpClient,
  paths: RemotePaths,
  pattern: string,
): Observable<ListingSource> {
  return paths.matches(pattern, 'list').pipe(
    toArray(),
    mergeMap((matches) => {
      const [only] = matches;
      if (only === undefined || matches.length > 1) return of(namedFiles(matches));
      return attributesOf(fs, only).pipe(map((attributes) => oneSource(fs, only, attributes)));
    }),
  );
}

function oneSource(
  fs: SftpClient,
  { path, shown }: RemoteMatch,
  attributes: FileAttributes,
): ListingSource {
  if (isDirectory(attributes)) return { file$: fs.list(path), isNamed: false };
  return { file$: of(listed(shown, attributes)), isNamed: true };
}

/** Of what a symbolic link leads to. */
function attributesOf(
  fs: SftpClient,
  { path, attributes }: RemoteMatch,
): Observable<FileAttributes> {
  const isKnown = attributes !== undefined && !isSymbolicLink(attributes);
  return isKnown ? of(attributes) : fs.stat(path);
}

function namedFiles(matches: readonly RemoteMatch[]): ListingSource {
  const files = matches.map(({ shown, attributes = {} }) => listed(shown, attributes));
  return { file$: of(...files), isNamed: true };
}

function listed(name: FileName, attributes: FileAttributes): ListedFile {
  return { name, attributes };
}
