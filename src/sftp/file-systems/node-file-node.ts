/** An open file of this machine. */
import { close, fchmod, fchown, fstat, fsync, ftruncate, futimes, read } from 'node:fs';
import { promisify } from 'node:util';
import { Observable, type Subscriber, type TeardownLogic } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import type { SftpFile } from '../server/file-system.ts';
import { attributesOf, change, type Changeable } from './node-attributes-node.ts';
import { GatheredWrites } from './node-writes-node.ts';

const statOf = promisify(fstat);
const truncateTo = promisify(ftruncate);
const modeTo = promisify(fchmod);
const timesTo = promisify(futimes);
const ownerTo = promisify(fchown);
const synced = promisify(fsync);

/**
 * A file by its descriptor. What was asked of the kernel cannot be called back, and a descriptor's number soon is another
 * file's: so it is closed behind the work that is under way.
 */
export class NodeFile implements SftpFile {
  /** Neighbours are written together. */
  readonly takesParallelWrites = true;
  readonly #fd: number;
  readonly #mayChown: boolean;
  readonly #changeable: Changeable;
  readonly #writes: GatheredWrites;
  #working = 0;
  #whenIdle: (() => void) | undefined;

  /** @param fd - closed by `close` and by nobody else */
  constructor(fd: number, mayChown: boolean) {
    this.#fd = fd;
    this.#mayChown = mayChown;
    this.#writes = new GatheredWrites(fd);
    this.#changeable = {
      stat: () => statOf(fd),
      truncate: (size) => truncateTo(fd, size),
      chmod: (mode) => modeTo(fd, mode),
      utimes: (atime, mtime) => timesTo(fd, atime, mtime),
      chown: (uid, gid) => ownerTo(fd, uid, gid),
    };
  }

  read(into: Uint8Array, position: number): Observable<number> {
    return this.#work((out, ended) => {
      read(this.#fd, into, 0, into.length, position, (error, count) => {
        ended(error, () => out.next(count));
      });
    });
  }

  write(bytes: Uint8Array, position: number): Observable<never> {
    return this.#work((_, ended) =>
      this.#writes.write(bytes, position, (error) => ended(error, () => undefined)),
    );
  }

  stat(): Observable<FileAttributes> {
    return this.#async(async () => attributesOf(await statOf(this.#fd)));
  }

  setstat(attributes: FileAttributes): Observable<void> {
    return this.#async(() => change(this.#changeable, attributes, this.#mayChown));
  }

  fsync(): Observable<void> {
    return this.#async(() => synced(this.#fd));
  }

  close(): Observable<never> {
    return new Observable((out) => {
      const closeNow = (): void => {
        close(this.#fd, (error) => {
          if (error) out.error(error);
          else out.complete();
        });
      };
      if (this.#working === 0) closeNow();
      else this.#whenIdle = closeNow;
    });
  }

  #async<T>(task: () => Promise<T>): Observable<T> {
    return this.#work((out, ended) => {
      task().then(
        (value) => ended(null, () => out.next(value)),
        (error: unknown) => ended(error, () => undefined),
      );
    });
  }

  #work<T>(
    start: (out: Subscriber<T>, ended: (error: unknown, emit: () => void) => void) => TeardownLogic,
  ): Observable<T> {
    return new Observable((out) => {
      this.#working++;
      return start(out, (error, emit) => {
        this.#working--;
        if (this.#working === 0) this.#whenIdle?.();
        if (out.closed) return;
        if (error === null) {
          emit();
          out.complete();
        } else out.error(error);
      });
    });
  }
}
