/** How much there is in a tree. */
import { mergeMap, type Observable, of, reduce } from 'rxjs';
import { fileName, type Path, pathBytes } from '../file-name.ts';
import { isDirectory } from '../file-type.ts';
import { type Tree, walkTree } from './walk.ts';

/** What is in a tree. */
export interface DiskUsage {
  /** Sizes of all files together, as the server tells them; a file with two names counts twice. */
  readonly bytes: number;
  /** Everything that is no folder. */
  readonly files: number;
  /** Folders below the root. */
  readonly folders: number;
}

const NOTHING: DiskUsage = { bytes: 0, files: 0, folders: 0 };

/** What is in a tree, or in one file; see `SftpClient.du`. */
export function diskUsage(tree: Tree, root: Path): Observable<DiskUsage> {
  const path = fileName(pathBytes(root));
  return tree.lstat(path).pipe(
    mergeMap((attributes) => {
      if (!isDirectory(attributes))
        return of({ ...NOTHING, bytes: attributes.size ?? 0, files: 1 });
      return walkTree(tree, path).pipe(
        reduce(
          ({ bytes, files, folders }, entry) =>
            isDirectory(entry.attributes)
              ? { bytes, files, folders: folders + 1 }
              : { bytes: bytes + (entry.attributes.size ?? 0), files: files + 1, folders },
          NOTHING,
        ),
      );
    }),
  );
}
