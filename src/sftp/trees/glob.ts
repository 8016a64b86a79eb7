/** The files whose paths a pattern stands for. */
import {
  catchError,
  concat,
  defer,
  EMPTY,
  filter,
  from,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import { isSshError, SshError } from '../../errors.ts';
import { drain } from '../../operators/drain.ts';
import { lift } from '../../operators/lift.ts';
import type { FileAttributes } from '../attributes.ts';
import { fileName, type FileName, joinPath } from '../file-name.ts';
import { fileType, isDirectory } from '../file-type.ts';
import { utf8Bytes } from '../../wire/bytes.ts';
import { entryNameProblem } from './entry-name.ts';
import { type GlobSegment, globPatterns } from './glob-pattern.ts';
import { DEEPEST, tooDeep, type Tree, type TreeChild } from './walk.ts';

/** A file whose path a pattern stands for. */
export interface GlobMatch {
  /** Absolute where the pattern is. */
  readonly path: FileName;
  /** Of the file itself: a symbolic link's are not those of what it leads to. */
  readonly attributes: FileAttributes;
}

/** Most matches that are kept to be sorted. */
const MOST_MATCHES = 100_000;

/**
 * The files that a pattern stands for, sorted; see `SftpClient.glob`.
 *
 * @param tree - an SFTP client, or the files of this side
 *
 * @example `globFiles(localFiles, 'dist/*.js')`
 */
export function globFiles(tree: Tree, pattern: string): Observable<GlobMatch> {
  return defer(() =>
    from(globPatterns(pattern)).pipe(
      drain(({ isAbsolute, segments }) => {
        const start = fileName(utf8Bytes(isAbsolute ? '/' : ''));
        return new Glob(tree).from(start, segments, 0).pipe(sorted());
      }),
    ),
  );
}

class Glob {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** What the segments stand for below a folder. */
  from(folder: FileName, segments: readonly GlobSegment[], depth: number): Observable<GlobMatch> {
    const [segment, ...rest] = segments;
    if (segment === undefined) return EMPTY;
    if (depth > DEEPEST) return throwError(() => tooDeep(folder));
    if (segment.kind === 'name') return this.#named(folder, segment.name, rest, depth);
    if (segment.kind === 'folders') return this.#below(folder, segments, depth);
    return this.#children(folder).pipe(
      filter(({ name }) => segment.matches(name.text)),
      drain((child) => this.#matched(folder, child, rest, depth)),
    );
  }

  #named(
    folder: FileName,
    name: string,
    rest: readonly GlobSegment[],
    depth: number,
  ): Observable<GlobMatch> {
    const path = name === '' ? folder : joinPath(folder, name);
    if (rest.length > 0) return this.from(path, rest, depth + 1);
    const told$ = name === '' ? this.#tree.stat(path) : this.#tree.lstat(path);
    return told$.pipe(
      filter((attributes) => name !== '' || isDirectory(attributes)),
      map((attributes) => ({ path, attributes })),
      catchError(notThere),
    );
  }

  #matched(
    folder: FileName,
    { name, attributes }: TreeChild,
    rest: readonly GlobSegment[],
    depth: number,
  ): Observable<GlobMatch> {
    const path = joinPath(folder, name);
    if (rest.length === 0) return of({ path, attributes });
    // what a name in the middle stands for is a folder, or a link that may lead to one
    const mayLead = ['directory', 'symbolic-link', 'unknown'].includes(fileType(attributes));
    return mayLead ? this.from(path, rest, depth + 1) : EMPTY;
  }

  /** `**`: the rest here, and the same again in each folder; links are not followed, what begins with a dot is not entered. */
  #below(folder: FileName, segments: readonly GlobSegment[], depth: number): Observable<GlobMatch> {
    const rest = segments.slice(1);
    const isLast = rest.length === 0;
    const here$ = isLast ? EMPTY : this.from(folder, rest, depth);
    const inside$ = this.#children(folder).pipe(
      filter(({ name }) => !name.text.startsWith('.')),
      drain(({ name, attributes }) => {
        const path = joinPath(folder, name);
        const own$ = isLast ? of({ path, attributes }) : EMPTY;
        const deeper$ = isDirectory(attributes) ? this.from(path, segments, depth + 1) : EMPTY;
        return concat(own$, deeper$);
      }),
    );
    return concat(here$, inside$);
  }

  /** Of what is no folder, or may not be read, there are none; as in sh. */
  #children(folder: FileName): Observable<TreeChild> {
    const path = folder.bytes.length === 0 ? fileName(utf8Bytes('.')) : folder;
    return this.#tree.list(path).pipe(
      filter(({ name }) => entryNameProblem(name) === undefined),
      catchError(notThere),
    );
  }
}

function notThere(error: unknown): Observable<never> {
  return isSshError(error, 'sftp') || isSshError(error, 'transfer')
    ? EMPTY
    : throwError(() => error);
}

/** All at the end, in the order of their bytes. */
function sorted() {
  return (source: Observable<GlobMatch>): Observable<GlobMatch> =>
    source.pipe(
      lift<GlobMatch, GlobMatch[]>((out) => {
        const matches: GlobMatch[] = [];
        return {
          next(match): void {
            if (matches.length === MOST_MATCHES) {
              const message = `a pattern stands for more than ${String(MOST_MATCHES)} files`;
              throw new SshError('overflow', message, { what: 'matches', limit: MOST_MATCHES });
            }
            matches.push(match);
          },
          complete(): void {
            out.next(matches.sort((a, b) => compareBytes(a.path.bytes, b.path.bytes)));
            out.complete();
          },
        };
      }),
      mergeMap((matches) => matches),
    );
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
