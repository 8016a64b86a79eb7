/** The files of a server, as a side of a transfer. */
import {
  catchError,
  concat,
  EMPTY,
  ignoreElements,
  merge,
  mergeMap,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  ReplaySubject,
  type Subscriber,
  tap,
  throwError,
} from 'rxjs';
import { isSshError } from '../../errors.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { FileAttributes } from '../attributes.ts';
import type { FileEntry } from '../client/directory-reader.ts';
import { limits, posixRename } from '../extensions.ts';
import type { FileName } from '../file-name.ts';
import type { ReadRange } from '../client/file-reader.ts';
import { isDirectory, isFile } from '../file-type.ts';
import type { OpenMode } from '../open-flags.ts';
import type { RemoteFile } from '../client/remote-file.ts';
import type { SftpClient } from '../client/sftp-client.ts';
import { StatusCode } from '../status.ts';
import { RENAMING } from '../client/version.ts';
import { isMissing } from '../trees/missing.ts';
import { partPath } from './part-name.ts';
import { checkSize, renamedError, transferError } from './transfer-error.ts';
import type {
  FinishOptions,
  MakeFolderOptions,
  SourceFile,
  TargetFile,
  TargetOptions,
  TransferFiles,
} from './transfer-files.ts';

/** SSH_FX_FILE_ALREADY_EXISTS (draft-ietf-secsh-filexfer-13 §9.1). */
const FILE_ALREADY_EXISTS = 11;

/** The files of an SFTP server. */
export class RemoteFiles implements TransferFiles {
  readonly #fs: SftpClient;

  constructor(fs: SftpClient) {
    this.#fs = fs;
  }

  list(path: FileName): Observable<FileEntry> {
    return this.#fs.list(path);
  }

  stat(path: FileName): Observable<FileAttributes> {
    return this.#fs.stat(path);
  }

  lstat(path: FileName): Observable<FileAttributes> {
    return this.#fs.lstat(path);
  }

  realpath(path: FileName): Observable<FileName> {
    return this.#fs.realpath(path);
  }

  readlink(path: FileName): Observable<FileName> {
    return this.#fs.readlink(path);
  }

  /** A server takes what is a name at all. */
  nameProblem(): undefined {
    return undefined;
  }

  makeFolder(path: FileName, { mode, followSymlinks }: MakeFolderOptions): Observable<never> {
    const isThere = (reason: unknown): Observable<never> => {
      const told$ = followSymlinks === true ? this.#fs.stat(path) : this.#fs.lstat(path);
      return told$.pipe(
        catchError(() => throwError(() => reason)),
        mergeMap((attributes) => (isDirectory(attributes) ? EMPTY : throwError(() => reason))),
      );
    };
    return this.#fs.mkdir(path, mode === undefined ? {} : { mode }).pipe(catchError(isThere));
  }

  makeLink(target: FileName, path: FileName): Observable<never> {
    const make$ = this.#fs.symlink(target, path);
    return make$.pipe(
      catchError((reason: unknown) => {
        if (!isFailure(reason)) return throwError(() => reason);
        return concat(this.#fs.remove(path), make$).pipe(
          catchError(() => throwError(() => reason)),
        );
      }),
    );
  }

  setAttributes(path: FileName, attributes: FileAttributes): Observable<never> {
    return this.#fs.setstat(path, attributes);
  }

  openSource(path: FileName): Observable<SourceFile> {
    return this.#fs.open(path, 'r');
  }

  /** In place where the server cannot rename. */
  openTarget(path: FileName, asked: TargetOptions): Observable<TargetFile> {
    const options = { ...asked, temporary: asked.temporary && this.#fs.version >= RENAMING };
    const { temporary, resume } = options;
    const written = temporary ? partPath(path, resume) : path;
    const mode = options.mode === undefined ? {} : { mode: options.mode };
    const open = (flags: OpenMode, kept: number): Observable<TargetFile> =>
      this.#open(path, written, this.#fs.open(written, flags, mode), kept, options);
    if (!resume) return open(temporary ? 'wx' : 'w', 0).pipe(toldOf({ path, written }));
    return this.#fs.lstat(written).pipe(
      catchError((error: unknown) => (isMissing(error) ? of(undefined) : throwError(() => error))),
      mergeMap((attributes) => {
        if (attributes === undefined) return open('wx+', 0);
        if (!isFile(attributes)) throw transferError('type', written, 'is in the way, and no file');
        return open('r+', attributes.size ?? 0);
      }),
      toldOf({ path, written }),
    );
  }

  #open(
    path: FileName,
    written: FileName,
    file$: Observable<RemoteFile>,
    kept: number,
    { temporary, resume }: TargetOptions,
  ): Observable<TargetFile> {
    return new Observable((out) => {
      const isRemoved = temporary && !resume;
      let target: RemoteTarget | undefined;
      out.add(() => {
        if (isRemoved && target?.isFinished === false) this.#removeQuietly(written);
      });
      const opening = file$.subscribe({
        next: (file) => {
          target = new RemoteTarget(this.#fs, file, { path, written, kept, isRemoved });
          out.next(target);
        },
        error: (error: unknown) => out.error(error),
        // that is its handle's end: it has no name yet
      });
      out.add(opening);
    });
  }

  #removeQuietly(path: FileName): void {
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- whoever wanted the file has gone
    this.#fs.remove(path).subscribe({ error: () => {} });
  }
}

/** Where a file is written. */
interface Place {
  /** What it shall be called. */
  readonly path: FileName;
  /** What it is called until it is whole. */
  readonly written: FileName;
  readonly kept: number;
  /** What is not finished does not stay. */
  readonly isRemoved: boolean;
}

class RemoteTarget implements TargetFile {
  readonly kept: number;
  readonly #fs: SftpClient;
  readonly #file: RemoteFile;
  readonly #place: Place;
  /** What the server has still to say of what was written. */
  #confirmed$: Observable<never> = EMPTY;
  #isFinished = false;

  constructor(fs: SftpClient, file: RemoteFile, place: Place) {
    this.kept = place.kept;
    this.#fs = fs;
    this.#file = file;
    this.#place = place;
  }

  /** It has its name, or is gone. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  bytes(range: ReadRange): ByteStream {
    return this.#file.bytes(range);
  }

  write(bytes$: ByteStream, start: number): Observable<number> {
    const pumped$ = this.#pump(bytes$, start);
    const written$ = this.kept > start ? concat(this.#file.truncate(start), pumped$) : pumped$;
    return written$.pipe(toldOf(this.#place));
  }

  /** A server that tells its limits takes CLOSE behind the last WRITE: who waits for that one, waits for both. */
  #pump(bytes$: ByteStream, start: number): Observable<number> {
    if (!this.#fs.extensions.has(limits.name)) return this.#file.sink(start).pump(bytes$);
    return new Observable((out) => {
      const confirmed = new ReplaySubject<never>(1);
      let ending: Subscriber<number> | ReplaySubject<never> = out;
      const pumping = this.#file.pump(bytes$, start, () => {
        ending = confirmed;
        this.#confirmed$ = confirmed;
        out.complete();
      });
      const subscription = pumping.subscribe({
        next: (taken) => out.next(taken),
        error: (error: unknown) => ending.error(error),
        complete: () => ending.complete(),
      });
      out.add(() => {
        if (ending === out) subscription.unsubscribe();
      });
    });
  }

  finish({ attributes, fsync, size }: FinishOptions): Observable<never> {
    // on their way together: a server does what is asked of one file in this order
    const closed$ = merge(
      this.#confirmed$,
      ...(attributes === undefined ? [] : [this.#file.setstat(attributes)]),
      ...(fsync ? [this.#file.fsync()] : []),
      this.#file.close(),
    );
    const confirmed$ = size === undefined ? [] : [this.#confirm(size)];
    const finished$ = concat(closed$, ...confirmed$, this.#rename());
    return finished$.pipe(this.#end(), toldOf(this.#place));
  }

  discard(): Observable<never> {
    const { isRemoved, written } = this.#place;
    const close$ = this.#file.close().pipe(catchError(() => EMPTY));
    const remove$ = isRemoved ? this.#fs.remove(written).pipe(catchError(() => EMPTY)) : EMPTY;
    return concat(close$, remove$).pipe(this.#end());
  }

  #end(): MonoTypeOperatorFunction<never> {
    return tap({ complete: () => (this.#isFinished = true) });
  }

  #confirm(size: number): Observable<never> {
    const { path, written } = this.#place;
    return this.#fs.stat(written).pipe(
      tap((attributes) => checkSize(path, attributes.size, size)),
      ignoreElements(),
    );
  }

  /** In one step where the server can; elsewhere there is a moment without a file by this name. */
  #rename(): Observable<never> {
    const { path, written } = this.#place;
    if (path === written) return EMPTY;
    if (this.#fs.extensions.get(posixRename.name) === posixRename.version)
      return this.#fs.posixRename(written, path);
    const rename$ = this.#fs.rename(written, path);
    return rename$.pipe(
      catchError((reason: unknown) => {
        if (!isFailure(reason)) return throwError(() => reason);
        return concat(this.#fs.remove(path), rename$).pipe(
          catchError(() => throwError(() => reason)),
        );
      }),
    );
  }
}

/** Nobody but us knows the name that a file has until it is whole: its errors tell the other. */
function toldOf<T>({
  path,
  written,
}: Pick<Place, 'path' | 'written'>): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) => throwError(() => renamedError(error, written, path)));
}

/** What servers of version 3 say of what is there already; Erlang's has the word of version 6 for it. */
function isFailure(error: unknown): boolean {
  if (!isSshError(error, 'sftp')) return false;
  const { status } = error.detail;
  return status === StatusCode.FAILURE || status === FILE_ALREADY_EXISTS;
}
