/** An open file of this machine. */
import { fchmod, fchown, fstat, fsync, ftruncate, futimes, read } from 'node:fs';
import { promisify } from 'node:util';
import { Observable, type TeardownLogic } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import { Descriptor } from '../descriptor-node.ts';
import type { SftpFile } from '../server/file-system.ts';
import { attributesOf, change, type Changeable } from './node-attributes-node.ts';

const statOf = promisify(fstat);
const truncateTo = promisify(ftruncate);
const modeTo = promisify(fchmod);
const timesTo = promisify(futimes);
const ownerTo = promisify(fchown);
const synced = promisify(fsync);

/** What a call tells when it is done. */
type Told<T> = (error: unknown, value?: T) => void;

/** A file by its descriptor. */
export class NodeFile implements SftpFile {
  /** Neighbours are written together. */
  readonly takesParallelWrites = true;
  readonly #descriptor: Descriptor;
  readonly #mayChown: boolean;
  readonly #changeable: Changeable;

  /** @param fd - closed by `close` and by nobody else */
  constructor(fd: number, mayChown: boolean) {
    this.#descriptor = new Descriptor(fd);
    this.#mayChown = mayChown;
    this.#changeable = {
      stat: () => statOf(fd),
      truncate: (size) => truncateTo(fd, size),
      chmod: (mode) => modeTo(fd, mode),
      utimes: (atime, mtime) => timesTo(fd, atime, mtime),
      chown: (uid, gid) => ownerTo(fd, uid, gid),
    };
  }

  read(into: Uint8Array, position: number): Observable<number> {
    return told((done) => {
      this.#descriptor.during(done, (ended) => {
        read(this.#descriptor.fd, into, 0, into.length, position, ended);
      });
    });
  }

  write(bytes: Uint8Array, position: number): Observable<never> {
    return told((done) => this.#descriptor.write(bytes, position, done));
  }

  stat(): Observable<FileAttributes> {
    return this.#async(async () => attributesOf(await statOf(this.#descriptor.fd)));
  }

  setstat(attributes: FileAttributes): Observable<void> {
    return this.#async(() => change(this.#changeable, attributes, this.#mayChown));
  }

  fsync(): Observable<void> {
    return this.#async(() => synced(this.#descriptor.fd));
  }

  close(): Observable<never> {
    return told((done) => this.#descriptor.close(done));
  }

  #async<T>(task: () => Promise<T>): Observable<T> {
    return told((done: Told<T>) => {
      this.#descriptor.during(done, (ended) => {
        task().then((value) => ended(null, value), ended);
      });
    });
  }
}

/** Emits what a call tells, if it tells anything, and completes. */
function told<T>(call: (done: Told<T>) => TeardownLogic): Observable<T> {
  return new Observable((out) =>
    call((error, value) => {
      if (out.closed) return;
      if (error !== null) {
        out.error(error);
        return;
      }
      if (value !== undefined) out.next(value);
      out.complete();
    }),
  );
}
