/** The entries of a tree, depth first. */
import { catchError, concat, defer, EMPTY, mergeMap, type Observable, of, throwError } from 'rxjs';
import { escapeText, protocolError, SshError } from '../../errors.ts';
import { drain } from '../../operators/drain.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { FileAttributes } from '../attributes.ts';
import { fileName, type FileName, joinPath, type Path, pathBytes } from '../file-name.ts';
import { fileType, isDirectory } from '../file-type.ts';
import { entryNameProblem } from './entry-name.ts';
import { isMissing } from './missing.ts';

/** What a tree is read from: an SFTP client, or the files of this side. */
export interface Tree<E extends TreeChild = TreeChild> {
  /** The entries of a folder, with credit. */
  list(path: FileName): Observable<E>;
  /** Attributes; follows symbolic links. */
  stat(path: FileName): Observable<FileAttributes>;
  /** Attributes, of a symbolic link itself. */
  lstat(path: FileName): Observable<FileAttributes>;
  /** The path without symbolic links. */
  realpath(path: FileName): Observable<FileName>;
}

/** An entry of a folder, by its name. */
export interface TreeChild {
  readonly name: FileName;
  /** Of the entry itself: a symbolic link's are not those of what it leads to. */
  readonly attributes: FileAttributes;
}

/** An entry of a tree. */
export type TreeEntry<E extends TreeChild = TreeChild> = E & {
  /** The path of the root that was given, and the names below it. */
  readonly path: FileName;
  /** The names below the root alone. */
  readonly relative: FileName;
  /** 1 for what is directly in the root. */
  readonly depth: number;
};

/** How a tree is walked. */
export interface WalkOptions {
  /** 1 is the entries of the root alone; 64 at the most. Folders deeper than this are named and not entered. */
  readonly maxDepth?: number;
  /**
   * Go into folders that symbolic links lead to, and tell the attributes of what they lead to; `false` by default. A
   * folder that it is in is told as the link that it is, so a walk always ends.
   */
  readonly followSymlinks?: boolean;
}

/** What a transfer has to say to the walk besides. */
export interface WalkHooks<E extends TreeChild> {
  /** Done before a folder is told and entered; when it emits `false`, neither. */
  readonly enter?: (folder: TreeEntry<E>) => Observable<boolean>;
  /** What to do with an entry whose name is none; by default the walk errors with `protocol`. */
  readonly refuse?: (entry: E, folder: FileName, problem: string) => void;
  /** What becomes of an entry that cannot be asked about, and of a folder that cannot be read; the walk errors by default. */
  readonly failed?: (entry: TreeEntry<E>, error: unknown) => Observable<never>;
}

/** Deepest tree that is walked. */
export const DEEPEST = 64;

/** A folder that is being walked. */
interface Folder {
  readonly path: FileName;
  readonly relative: FileName | undefined;
  readonly depth: number;
  /** Real paths of this folder and those above, where links are followed. */
  readonly realPaths: readonly FileName[];
}

/**
 * The entries of a tree; see `SftpClient.walk`.
 *
 * @param tree - an SFTP client, or the files of this side
 *
 * @example `walkTree(localFiles, 'dist')`
 */
export function walkTree<E extends TreeChild>(
  tree: Tree<E>,
  root: Path,
  options: WalkOptions = {},
  hooks: WalkHooks<E> = {},
): Observable<TreeEntry<E>> {
  return defer(() => {
    const walk = new Walk(tree, options, hooks);
    return walk.from(fileName(pathBytes(root)));
  });
}

class Walk<E extends TreeChild> {
  readonly #tree: Tree<E>;
  readonly #hooks: WalkHooks<E>;
  readonly #maxDepth: number | undefined;
  readonly #followSymlinks: boolean;

  constructor(tree: Tree<E>, options: WalkOptions, hooks: WalkHooks<E>) {
    const { maxDepth, followSymlinks = false } = options;
    if (maxDepth !== undefined && !(maxDepth >= 1 && maxDepth <= DEEPEST)) {
      const message = `maxDepth is between 1 and ${String(DEEPEST)}, not ${String(maxDepth)}`;
      throw new SshError('config', message, { option: 'maxDepth' });
    }
    this.#tree = tree;
    this.#hooks = hooks;
    this.#maxDepth = maxDepth;
    this.#followSymlinks = followSymlinks;
  }

  from(root: FileName): Observable<TreeEntry<E>> {
    const folder = { path: root, relative: undefined, depth: 0, realPaths: [] };
    if (!this.#followSymlinks) return this.#entries(folder);
    return this.#tree
      .realpath(root)
      .pipe(mergeMap((real) => this.#entries({ ...folder, realPaths: [real] })));
  }

  #entries(folder: Folder): Observable<TreeEntry<E>> {
    return this.#tree.list(folder.path).pipe(drain((child) => this.#child(folder, child)));
  }

  #child(folder: Folder, child: E): Observable<TreeEntry<E>> {
    const problem = entryNameProblem(child.name);
    if (problem !== undefined) return this.#refuse(folder, child, problem);
    const path = joinPath(folder.path, child.name);
    const relative =
      folder.relative === undefined ? child.name : joinPath(folder.relative, child.name);
    const entry: TreeEntry<E> = { ...child, path, relative, depth: folder.depth + 1 };
    const { failed } = this.#hooks;
    const told$ = this.#told(folder, entry);
    return failed === undefined
      ? told$
      : told$.pipe(catchError((error: unknown) => failed(entry, error)));
  }

  #told(folder: Folder, entry: TreeEntry<E>): Observable<TreeEntry<E>> {
    switch (fileType(entry.attributes)) {
      case 'directory':
        return this.#folder(folder, entry);
      case 'symbolic-link':
        return this.#followSymlinks ? this.#link(folder, entry) : of(entry);
      case 'unknown':
        return this.#untold(folder, entry);
      default:
        return of(entry);
    }
  }

  #refuse(folder: Folder, child: E, problem: string): Observable<never> {
    const { refuse } = this.#hooks;
    if (refuse === undefined) {
      const text = `${problem} in the listing of ${escapeText(folder.path.text)}`;
      return throwError(() => protocolError(text));
    }
    refuse(child, folder.path, problem);
    return EMPTY;
  }

  #folder(above: Folder, entry: TreeEntry<E>, realPath?: FileName): Observable<TreeEntry<E>> {
    const told$ = concat(of(entry), this.#inside(above, entry, realPath));
    const { enter } = this.#hooks;
    return enter === undefined
      ? told$
      : enter(entry).pipe(mergeMap((mayEnter) => (mayEnter ? told$ : EMPTY)));
  }

  #inside(above: Folder, entry: TreeEntry<E>, realPath?: FileName): Observable<TreeEntry<E>> {
    const { depth, path, relative, name } = entry;
    if (this.#maxDepth !== undefined && depth >= this.#maxDepth) return EMPTY;
    if (depth >= DEEPEST) return throwError(() => tooDeep(path));
    const { realPaths } = above;
    const parent = realPaths.at(-1);
    const real = realPath ?? (parent === undefined ? undefined : joinPath(parent, name));
    if (real === undefined) return this.#entries({ path, relative, depth, realPaths });
    if (isAmong(realPaths, real)) return EMPTY;
    return this.#entries({ path, relative, depth, realPaths: [...realPaths, real] });
  }

  /** Tells what a link leads to, or the link where that is nothing, or a folder that we are in. */
  #link(folder: Folder, link: TreeEntry<E>): Observable<TreeEntry<E>> {
    const target$ = this.#tree.stat(link.path).pipe(catchError(leadsNowhere));
    return target$.pipe(
      mergeMap((attributes) => {
        if (attributes === undefined) return of(link);
        if (!isDirectory(attributes)) return of({ ...link, attributes });
        return this.#tree.realpath(link.path).pipe(
          mergeMap((real) => {
            if (isAmong(folder.realPaths, real)) return of(link);
            return this.#folder(folder, { ...link, attributes }, real);
          }),
        );
      }),
    );
  }

  /** A server that does not tell types in its listings may do so when asked. */
  #untold(folder: Folder, entry: TreeEntry<E>): Observable<TreeEntry<E>> {
    return this.#tree.lstat(entry.path).pipe(
      mergeMap((attributes) => {
        if (fileType(attributes) === 'unknown') return of(entry);
        return this.#told(folder, { ...entry, attributes });
      }),
    );
  }
}

function isAmong(paths: readonly FileName[], path: FileName): boolean {
  return paths.some(({ bytes }) => equalBytes(bytes, path.bytes));
}

function leadsNowhere(error: unknown): Observable<undefined> {
  return isMissing(error) ? of(undefined) : throwError(() => error);
}

/** The error of a tree that is deeper than any that is walked. */
export function tooDeep(path: FileName): SshError<'overflow'> {
  const message = `${escapeText(path.text)} is more than ${String(DEEPEST)} folders deep`;
  return new SshError('overflow', message, { what: 'depth of a tree', limit: DEEPEST });
}
