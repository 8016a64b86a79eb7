/** An open file of this machine. */
import { fchmod, fstat, fsync, ftruncate, futimes, type Stats } from 'node:fs';
import { concat, defer, EMPTY, Observable } from 'rxjs';
import { toError } from '../../errors.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { FileAttributes } from '../attributes.ts';
import { Descriptor } from '../descriptor-node.ts';
import { isOnLocalDisk } from '../local-disks-node.ts';
import type { Told } from '../quick-calls-node.ts';
import type { FileName } from '../file-name.ts';
import type { ReadRange } from '../client/file-reader.ts';
import { systemPath } from './local-path-node.ts';
import { readAll } from './read-all-node.ts';
import { localError } from './transfer-error.ts';

/** A system call as an Observable: emits what it tells and completes. It cannot be stopped; nobody hears of it then. */
export function systemCall<T>(path: FileName, call: (told: Told<T>) => void): Observable<T> {
  return new Observable((out) => {
    call((error, value) => {
      if (out.closed) return;
      if (error !== null) {
        out.error(localError(error, path));
        return;
      }
      out.next(value);
      out.complete();
    });
  });
}

/** The same, of a call that tells nothing. */
export function systemCommand(
  path: FileName,
  call: (told: (error: Error | null) => void) => void,
): Observable<never> {
  return new Observable((out) => {
    call((error) => {
      if (out.closed) return;
      if (error === null) out.complete();
      else out.error(localError(error, path));
    });
  });
}

/** An open file. */
export class LocalDescriptor {
  readonly #descriptor: Descriptor;
  readonly #path: FileName;
  readonly #isLocal: boolean;

  constructor(fd: number, path: FileName) {
    this.#isLocal = isOnLocalDisk(systemPath(path));
    this.#descriptor = new Descriptor(fd, this.#isLocal);
    this.#path = path;
  }

  get isClosed(): boolean {
    return this.#descriptor.isClosed;
  }

  /** Is what is done with the file at its end done at once? */
  get isQuick(): boolean {
    return this.#descriptor.isQuick;
  }

  stat(): Observable<Stats> {
    return systemCall(this.#path, (told: Told<Stats>) =>
      this.#descriptor.during(told, (done) => fstat(this.#descriptor.fd, done)),
    );
  }

  truncate(size: number): Observable<never> {
    return this.#command((done) => ftruncate(this.#descriptor.fd, size, done));
  }

  sync(): Observable<never> {
    return this.#command((done) => fsync(this.#descriptor.fd, done));
  }

  /** Sets permissions and times, where given. */
  setAttributes({ permissions, atime, mtime }: FileAttributes): Observable<never> {
    const chmod$ =
      permissions === undefined
        ? EMPTY
        : this.#command((done) => fchmod(this.#descriptor.fd, permissions, done));
    const utimes$ =
      atime === undefined || mtime === undefined
        ? EMPTY
        : this.#command((done) => futimes(this.#descriptor.fd, atime, mtime, done));
    return concat(chmod$, utimes$);
  }

  /**
   * Writes all of the bytes, which are the file's until `written` is called, with the error if there is one. Writes that wait for
   * another one are done together where they are neighbours.
   */
  write(bytes: Uint8Array, position: number, written: (error?: unknown) => void): void {
    const told = (error: unknown): void => {
      if (error === null) written();
      else written(localError(toError(error), this.#path, position));
    };
    this.#descriptor.write(bytes, position, told);
  }

  /** The bytes of the file, as {@link readAll} reads them. */
  bytes(range: ReadRange): ByteStream {
    return readAll(this.#descriptor, range, this.#isLocal, (error, position) =>
      localError(error, this.#path, position),
    );
  }

  /** Closes the file; what could not be written may be told only now. */
  close(): Observable<never> {
    return defer(() =>
      this.isClosed ? EMPTY : systemCommand(this.#path, (told) => this.#descriptor.close(told)),
    );
  }

  /** Closes the file when nothing is at work with it, and calls back. */
  release(closed: () => void = nothing): void {
    if (!this.isClosed) this.#descriptor.close(closed);
  }

  #command(call: (done: (error: Error | null) => void) => void): Observable<never> {
    return systemCommand(this.#path, (told) => this.#descriptor.during(told, call));
  }
}

function nothing(): void {
  // whoever wanted the file has gone
}
