/** A file of this machine that is written. */
import { constants, open, openSync, rename, renameSync, unlink, type Stats } from 'node:fs';
import { catchError, concat, defer, EMPTY, map, mergeMap, Observable, throwError } from 'rxjs';
import { errorCode, isSshError } from '../../errors.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { FileName } from '../file-name.ts';
import type { ReadRange } from '../client/file-reader.ts';
import { isOnLocalDisk } from '../local-disks-node.ts';
import { quickly, type Told } from '../quick-calls-node.ts';
import { LocalDescriptor, systemCommand } from './local-descriptor-node.ts';
import { systemPath } from './local-path-node.ts';
import { partPath } from './part-name.ts';
import { checkSize, localError, transferError } from './transfer-error.ts';
import type { FinishOptions, TargetFile, TargetOptions } from './transfer-files.ts';
import { writeAll } from './write-all-node.ts';

const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_TRUNC } = constants;
/** Windows has none of them. */
const NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;
const NO_WAIT = (constants.O_NONBLOCK as number | undefined) ?? 0;
const NEW = O_RDWR | O_CREAT | O_EXCL | NO_FOLLOW;
const KEPT = O_RDWR | NO_FOLLOW | NO_WAIT;
/** In place; through no symbolic link, and not waiting for the reader of a FIFO. */
const IN_PLACE = O_WRONLY | O_CREAT | O_TRUNC | NO_FOLLOW | NO_WAIT;
const DEFAULT_MODE = 0o666;

/** Opens a file to be written; see `TransferFiles.openTarget`. */
export function openLocalTarget(path: FileName, options: TargetOptions): Observable<TargetFile> {
  const { temporary, resume, mode = DEFAULT_MODE } = options;
  const written = temporary ? partPath(path, resume) : path;
  if (!resume) {
    const flags = temporary ? NEW : IN_PLACE;
    return opened(path, written, flags, mode, temporary).pipe(map(([target]) => target));
  }
  const anew$ = opened(path, written, NEW, mode, false);
  return opened(path, written, KEPT, mode, false).pipe(
    mergeMap(([target, file]) =>
      file.stat().pipe(
        map((stats) => {
          if (!isPlain(stats)) throw transferError('type', written, 'is in the way, and no file');
          target.kept = stats.size;
          return target;
        }),
      ),
    ),
    catchError((error: unknown) => {
      const code = isSshError(error, 'transfer') ? errorCode(error.cause) : undefined;
      // one that may not be written was left with the permissions of its source
      const from$ = code === 'EACCES' ? removed(written) : EMPTY;
      if (code !== 'ENOENT' && code !== 'EACCES') return throwError(() => error);
      return concat(from$, anew$.pipe(map(([target]) => target)));
    }),
  );
}

/** A file with a second name may be one that somebody else has linked there. */
function isPlain(stats: Stats): boolean {
  return stats.isFile() && stats.nlink === 1;
}

function removed(path: FileName): Observable<never> {
  return systemCommand(path, (told) => unlink(systemPath(path), told));
}

function opened(
  path: FileName,
  written: FileName,
  flags: number,
  mode: number,
  isRemoved: boolean,
): Observable<readonly [LocalTarget, LocalDescriptor]> {
  return new Observable((out) => {
    let target: LocalTarget | undefined;
    out.add(() => target?.release());
    const told: Told<number> = (error, fd) => {
      if (error !== null) {
        if (!out.closed) out.error(localError(error, path));
        return;
      }
      const file = new LocalDescriptor(fd, path);
      target = new LocalTarget(file, path, written, isRemoved);
      if (out.closed) target.release();
      else out.next([target, file]);
    };
    const name = systemPath(written);
    quickly(
      () => openSync(name, flags, mode),
      (later) => open(name, flags, mode, later),
      told,
      // what is cut may be large
      (flags & O_TRUNC) === 0 && isOnLocalDisk(name),
    );
  });
}

class LocalTarget implements TargetFile {
  kept = 0;
  readonly #file: LocalDescriptor;
  readonly #path: FileName;
  readonly #written: FileName;
  readonly #isRemoved: boolean;
  #isFinished = false;

  constructor(file: LocalDescriptor, path: FileName, written: FileName, isRemoved: boolean) {
    this.#file = file;
    this.#path = path;
    this.#written = written;
    this.#isRemoved = isRemoved;
  }

  bytes(range: ReadRange): ByteStream {
    return this.#file.bytes(range);
  }

  write(
    bytes$: ByteStream,
    start: number,
    giveBack?: (chunk: Uint8Array) => void,
  ): Observable<number> {
    const written$ = bytes$.pipe(writeAll(this.#file, start, giveBack));
    return this.kept > start ? concat(this.#file.truncate(start), written$) : written$;
  }

  finish({ attributes, fsync, size }: FinishOptions): Observable<never> {
    return concat(
      ...(attributes === undefined ? [] : [this.#file.setAttributes(attributes)]),
      ...(fsync ? [this.#file.sync()] : []),
      ...(size === undefined ? [] : [this.#confirm(size)]),
      this.#file.close(),
      this.#rename(),
    );
  }

  discard(): Observable<never> {
    return new Observable((out) => this.release(() => out.complete()));
  }

  /** Lets the file go; what was not finished is removed, where it shall be. */
  release(done: () => void = nothing): void {
    const removeUnfinished = (): void => {
      const isRemoved = this.#isRemoved && !this.#isFinished;
      this.#isFinished = true;
      if (isRemoved) unlink(systemPath(this.#written), done);
      else done();
    };
    if (this.#file.isClosed) removeUnfinished();
    else this.#file.release(removeUnfinished);
  }

  #confirm(size: number): Observable<never> {
    return this.#file.stat().pipe(
      mergeMap((stats) => {
        checkSize(this.#path, stats.size, size);
        return EMPTY;
      }),
    );
  }

  #rename(): Observable<never> {
    return defer(() => {
      this.#isFinished = this.#path === this.#written;
      if (this.#isFinished) return EMPTY;
      const names = [systemPath(this.#written), systemPath(this.#path)] as const;
      return systemCommand(this.#path, (told) =>
        quickly(
          () => renameSync(...names),
          (later) => rename(...names, later),
          (error) => {
            this.#isFinished = error === null;
            told(error);
          },
          // what is replaced is likely to be of the same size
          this.#file.isQuick,
        ),
      );
    });
  }
}

function nothing(): void {
  // whoever wanted the file has gone
}
