/** An open file of `memoryFileSystem`. */
import { EMPTY, type Observable, of } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import type { OpenFlags, SftpFile } from '../server/file-system.ts';
import { attributesOf, type MemoryFile } from './memory-tree.ts';
import type { MemoryUsage } from './memory-usage.ts';
import { statusError, StatusCode } from '../status.ts';

/** A handle; the file goes on while there is one, whatever becomes of its names. */
export class MemoryHandle implements SftpFile {
  readonly #file: MemoryFile;
  readonly #flags: OpenFlags;
  readonly #usage: MemoryUsage;
  readonly #change: (file: MemoryFile, attributes: FileAttributes) => Observable<never>;
  readonly #now: () => number;
  #isOpen = true;

  constructor(
    file: MemoryFile,
    flags: OpenFlags,
    usage: MemoryUsage,
    now: () => number,
    change: (file: MemoryFile, attributes: FileAttributes) => Observable<never>,
  ) {
    this.#file = file;
    this.#flags = flags;
    this.#usage = usage;
    this.#now = now;
    this.#change = change;
    file.handles++;
  }

  read(into: Uint8Array, position: number): Observable<number> {
    if (!this.#flags.read) throw notOpenFor('read');
    return of(this.#file.content.read(into, position));
  }

  write(bytes: Uint8Array, position: number): Observable<never> {
    if (!this.#flags.write) throw notOpenFor('write');
    const { content } = this.#file;
    const at = this.#flags.append ? content.size : position;
    this.#usage.write(this.#file, bytes, at, this.#now());
    return EMPTY;
  }

  stat(): Observable<FileAttributes> {
    return of(attributesOf(this.#file));
  }

  setstat(attributes: FileAttributes): Observable<never> {
    if (attributes.size !== undefined && !this.#flags.write) throw notOpenFor('write');
    return this.#change(this.#file, attributes);
  }

  fsync(): Observable<never> {
    return EMPTY;
  }

  close(): Observable<never> {
    if (!this.#isOpen) return EMPTY;
    this.#isOpen = false;
    this.#file.handles--;
    if (this.#file.links === 0 && this.#file.handles === 0)
      this.#usage.give(this.#file.content.allocated);
    return EMPTY;
  }
}

function notOpenFor(operation: string): Error {
  return statusError(StatusCode.FAILURE, operation, { message: `Not open to ${operation}` });
}
