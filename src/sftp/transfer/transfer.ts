/** Files and trees, from one side to the other. */
import {
  catchError,
  concat,
  defer,
  EMPTY,
  map,
  mergeMap,
  Observable,
  of,
  type Subscriber,
  tap,
  throwError,
} from 'rxjs';
import type { SshError } from '../../errors.ts';
import { abortableBy } from '../../operators/abortable.ts';
import { drain } from '../../operators/drain.ts';
import { fromPull } from '../../operators/from-pull.ts';
import type { FileAttributes } from '../attributes.ts';
import { fileName, type FileName, joinPath } from '../file-name.ts';
import { type FileType, fileType, isDirectory } from '../file-type.ts';
import { entryNameProblem, lastName } from '../trees/entry-name.ts';
import { isMissing } from '../trees/missing.ts';
import { type TreeChild, type TreeEntry, walkTree } from '../trees/walk.ts';
import { modeOf, preserved } from './transfer-file.ts';
import { progressOf, type ToldFile, told } from './transfer-progress.ts';
import { isAboutFile, transferError } from './transfer-error.ts';
import type { TransferFiles } from './transfer-files.ts';
import type { SkipReason, TransferOptions, TransferProgress } from './transfer-options.ts';

const DEFAULT_CONCURRENCY = 4;
const OWNER_RIGHTS = 0o700;
const SLASH = 0x2f;

/** Two sides, and the path on each. */
export interface Route {
  readonly from: TransferFiles;
  readonly source: FileName;
  readonly to: TransferFiles;
  readonly target: FileName;
}

/** Transfers a file, or a tree; see `SftpClient.get`. */
export function transfer(route: Route, options: TransferOptions): Observable<TransferProgress> {
  return route.from.stat(route.source).pipe(
    mergeMap((attributes) => {
      if (isDirectory(attributes)) return transferTree(route, attributes, options);
      return transferOne(route, attributes, options);
    }),
    abortableBy(options.signal),
  );
}

function transferOne(
  route: Route,
  attributes: FileAttributes,
  options: TransferOptions,
): Observable<TransferProgress> {
  if (!isTransferable(fileType(attributes)))
    return throwError(() => transferError('type', route.source, 'is no file'));
  const name = fileName(lastName(route.source));
  return placeFor(route, name).pipe(
    mergeMap(({ target, isSpecial }) => {
      const subject = { ...route, file: name.text, target, attributes, followSymlinks: true };
      // a device is written to, and not replaced
      return progressOf(subject, isSpecial ? { ...options, temporary: false } : options);
    }),
  );
}

interface FilePlace {
  readonly target: FileName;
  readonly isSpecial: boolean;
}

/** A file goes into a folder by its own name. */
function placeFor(route: Route, name: FileName): Observable<FilePlace> {
  const { to, target } = route;
  const inside = (): FilePlace => ({ target: pathInside(route, name), isSpecial: false });
  if (target.bytes.at(-1) === SLASH) return defer(() => of(inside()));
  return to.stat(target).pipe(
    map((there) => {
      if (isDirectory(there)) return inside();
      return { target, isSpecial: !isTransferable(fileType(there)) };
    }),
    catchError((error: unknown) =>
      isMissing(error) ? of({ target, isSpecial: false }) : throwError(() => error),
    ),
  );
}

/** The path of what goes into the target folder by its own name. Throws `transfer` when that cannot be a name there. */
function pathInside({ to, source, target }: Route, name: FileName): FileName {
  const problem = entryNameProblem(name) ?? to.nameProblem(name);
  if (problem !== undefined) throw transferError('name', source, problem);
  return joinPath(target, name);
}

function transferTree(
  route: Route,
  attributes: FileAttributes,
  options: TransferOptions,
): Observable<TransferProgress> {
  return new Observable((out) => {
    if (options.recursive !== true)
      throw transferError(
        'type',
        route.source,
        'is a folder, and `recursive` (-r) was not asked for',
      );
    const isInside = route.target.bytes.at(-1) === SLASH;
    const target = isInside ? pathInside(route, fileName(lastName(route.source))) : route.target;
    const tree = new TreeTransfer({ ...route, target }, attributes, options, out);
    out.add(tree.run().subscribe(out));
  });
}

interface Folder {
  readonly target: FileName;
  readonly attributes: FileAttributes;
  readonly isRoot: boolean;
}

class TreeTransfer {
  readonly #route: Route;
  readonly #root: FileAttributes;
  readonly #options: TransferOptions;
  readonly #out: Subscriber<TransferProgress>;
  /** Folders that get their attributes when all is in them. */
  readonly #folders: Folder[] = [];

  constructor(
    route: Route,
    root: FileAttributes,
    options: TransferOptions,
    out: Subscriber<TransferProgress>,
  ) {
    this.#route = route;
    this.#root = root;
    this.#options = options;
    this.#out = out;
  }

  run(): Observable<TransferProgress> {
    const { from: tree, source, target } = this.#route;
    const { symlinks, concurrency = DEFAULT_CONCURRENCY } = this.#options;
    const entries$ = walkTree(
      tree,
      source,
      { followSymlinks: symlinks === 'follow' },
      {
        enter: (folder) => this.#enter(folder),
        refuse: (entry, folder, problem) => this.#refuse(entry, folder, problem),
        failed: (entry, error) => this.#failed(entry, error),
      },
    );
    return concat(
      this.#makeFolder(target, this.#root, true),
      entries$.pipe(drain((entry) => this.#transfer(entry), { concurrency })),
      defer(() => this.#setFolders()),
    );
  }

  #targetOf({ relative }: TreeEntry): FileName {
    return joinPath(this.#route.target, relative);
  }

  /** Emits whether a folder is entered, which is then there. */
  #enter(folder: TreeEntry): Observable<boolean> {
    if (!this.#mayTransfer(folder)) return of(false);
    const made$ = this.#makeFolder(this.#targetOf(folder), folder.attributes, false);
    return concat(made$, of(true)).pipe(
      catchError((error: unknown) => concat(this.#failed(folder, error), of(false))),
    );
  }

  #makeFolder(target: FileName, attributes: FileAttributes, isRoot: boolean): Observable<never> {
    const mode = modeOf(attributes);
    const make$ = this.#route.to.makeFolder(target, {
      followSymlinks: isRoot,
      ...(mode === undefined ? {} : { mode: mode | OWNER_RIGHTS }),
    });
    if (this.#options.preserve !== true) return make$;
    return make$.pipe(tap({ complete: () => this.#folders.push({ target, attributes, isRoot }) }));
  }

  /** The innermost first: what is done in a folder changes its time. */
  #setFolders(): Observable<never> {
    const { to } = this.#route;
    return fromPull(this.#folders.reverse()).pipe(
      drain(({ target, attributes, isRoot }) =>
        to.setAttributes(target, preserved(attributes), isRoot),
      ),
    );
  }

  #transfer(entry: TreeEntry): Observable<TransferProgress> {
    const type = fileType(entry.attributes);
    if (type === 'directory') return EMPTY;
    if (!this.#mayTransfer(entry)) return EMPTY;
    if (type === 'symbolic-link') return this.#transferLink(entry);
    if (!isTransferable(type)) return this.#skip(entry, 'type');
    const subject = this.#toldFile(entry);
    const progress$ = progressOf(subject, this.#options);
    const transferred$ =
      this.#options.resume === true
        ? isSame(this.#route.to, subject).pipe(
            mergeMap((same) => (same ? this.#skip(entry, 'same') : progress$)),
          )
        : progress$;
    return transferred$.pipe(catchError((error: unknown) => this.#failed(entry, error)));
  }

  #transferLink(entry: TreeEntry): Observable<TransferProgress> {
    if (this.#options.symlinks !== 'copy') return this.#skip(entry, 'symlink');
    const { from: source, to } = this.#route;
    const subject = this.#toldFile(entry);
    return source.readlink(entry.path).pipe(
      mergeMap((target) =>
        concat(to.makeLink(target, subject.target), of(told(subject, 'done', { bytes: 0 }))),
      ),
      catchError((error: unknown) => this.#failed(entry, error)),
    );
  }

  #toldFile(entry: TreeEntry): ToldFile {
    const { from, to } = this.#route;
    return {
      from,
      to,
      file: entry.relative.text,
      source: entry.path,
      target: this.#targetOf(entry),
      attributes: entry.attributes,
      followSymlinks: this.#options.symlinks === 'follow',
    };
  }

  #mayTransfer(entry: TreeEntry): boolean {
    const problem = this.#route.to.nameProblem(entry.name);
    if (problem !== undefined) {
      this.#skip(entry, 'name', transferError('name', entry.path, problem));
      return false;
    }
    return this.#options.filter?.(entry) ?? true;
  }

  /** A name that leads elsewhere becomes part of no path, in events neither. */
  #refuse({ name, attributes }: TreeChild, folder: FileName, problem: string): void {
    const places = { ...this.#route, source: folder, file: name.text };
    const file = { ...places, attributes, followSymlinks: false };
    const error = transferError('name', name, problem);
    this.#out.next(told(file, 'skipped', { bytes: 0, reason: 'name', error }));
  }

  #skip(entry: TreeEntry, reason: SkipReason, error?: SshError): Observable<never> {
    const details = { bytes: 0, reason, ...(error === undefined ? {} : { error }) };
    this.#out.next(told(this.#toldFile(entry), 'skipped', details));
    return EMPTY;
  }

  #failed(entry: TreeEntry, error: unknown): Observable<never> {
    const mayGoOn = this.#options.onError === 'continue' && isAboutFile(error);
    if (!mayGoOn) return throwError(() => error);
    this.#out.next(told(this.#toldFile(entry), 'failed', { bytes: 0, error }));
    return EMPTY;
  }
}

function isTransferable(type: FileType): boolean {
  return type === 'file' || type === 'unknown';
}

/** Is there a file of the same size and time of change? */
function isSame(to: TransferFiles, { target, attributes }: ToldFile): Observable<boolean> {
  return to.lstat(target).pipe(
    map(({ size, mtime, permissions }) => {
      const isKnown = size !== undefined && mtime !== undefined;
      const isAlike = size === attributes.size && mtime === attributes.mtime;
      return isKnown && isAlike && isTransferable(fileType({ permissions: permissions ?? 0 }));
    }),
    catchError((error: unknown) => (isMissing(error) ? of(false) : throwError(() => error))),
  );
}
