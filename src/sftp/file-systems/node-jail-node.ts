/**
 * The way from virtual paths to files below a root, and never out of it. Symbolic links are followed by the kernel, and what
 * was found is then held open by a descriptor and looked up in `/proc/self/fd`: what is outside is not used. As the work goes
 * through that descriptor, nothing that changes meanwhile can lead it elsewhere. Systems without `/proc` work with the path
 * that was found; a local user who may write below the root could then exchange a folder for a link in between.
 */
import { close, constants, open, type PathLike, realpathSync, statSync } from 'node:fs';
import { readlink, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { SshError } from '../../errors.ts';
import { concatBytes, utf8Bytes } from '../../wire/bytes.ts';
import { statusError, StatusCode } from '../status.ts';
import { folderOf, isRoot, isWithin, nameOf } from '../server/virtual-path.ts';

/** Linux: a descriptor that is a place, and reads and writes nothing. Opening a FIFO or a device so has no effect. */
const O_PATH = 0o10000000;
const HAS_DESCRIPTOR_PATHS = process.platform === 'linux';

/** Opens a file; gives its descriptor, which is nobody's to close but the caller's. */
export const openFd: (path: PathLike, flags: number, mode?: number) => Promise<number> =
  promisify(open);
/** Closes a descriptor. */
const closeFd: (fd: number) => Promise<void> = promisify(close);

/** A file that cannot be exchanged for another. */
export interface Held {
  /** A path that means it. */
  readonly at: Buffer;
  release(): Promise<void>;
}

/** A folder on this machine as the root of everything. */
export class Jail {
  /** The real path of the root. */
  readonly #root: Uint8Array;

  /** @throws SshError `config` when there is no such folder */
  constructor(root: string) {
    this.#root = realRoot(root);
  }

  /**
   * Works on what a path leads to, symbolic links followed. Rejects with NO_SUCH_FILE for what is not there, and for
   * whatever is outside: nobody shall learn what is there.
   *
   * @param work - is given a path that means this file, as long as it runs
   */
  async target<T>(path: Uint8Array, work: (at: Buffer) => Promise<T>): Promise<T> {
    const held = await this.hold(path);
    try {
      return await work(held.at);
    } finally {
      await held.release();
    }
  }

  /** What {@link target} works on, for as long as it takes. */
  async hold(path: Uint8Array): Promise<Held> {
    return this.#hold(await this.#real(path));
  }

  /**
   * Works on a name in its folder: the folder is found and held, a symbolic link by the name is not followed. The root is
   * no name in a folder: FAILURE.
   *
   * @param work - is given a path that means this name, and the folder's virtual path without links
   */
  async entry<T>(
    path: Uint8Array,
    work: (at: Buffer, folder: Uint8Array) => Promise<T>,
  ): Promise<T> {
    if (isRoot(path)) throw statusError(StatusCode.FAILURE, 'find', { message: 'Is the root' });
    const folder = await this.#real(folderOf(path));
    const held = await this.#hold(folder, constants.O_DIRECTORY);
    try {
      const at = bufferOf(concatBytes([held.at, SLASH, nameOf(path)]));
      return await work(at, this.#virtual(folder));
    } finally {
      await held.release();
    }
  }

  /** The virtual path of a place without links; the path as it is when nothing is there, or something outside. */
  async resolve(path: Uint8Array): Promise<Uint8Array> {
    try {
      return this.#virtual(await this.#real(path));
    } catch {
      return path;
    }
  }

  /** The real path that an absolute virtual one stands for, to be kept in a symbolic link. */
  toReal(path: Uint8Array): Buffer {
    return bufferOf(this.#below(path));
  }

  /** The virtual path of a real one; `undefined` for one outside. */
  toVirtual(path: Uint8Array): Uint8Array | undefined {
    return isWithin(path, this.#root) ? this.#virtual(path) : undefined;
  }

  async #real(path: Uint8Array): Promise<Uint8Array> {
    let real: Uint8Array;
    try {
      real = await realpath(bufferOf(this.#below(path)), 'buffer');
    } catch (cause) {
      // also where a folder may not be entered: it may be one outside
      throw noSuchFile(cause);
    }
    if (!isWithin(real, this.#root)) throw noSuchFile();
    return real;
  }

  async #hold(real: Uint8Array, flags = 0): Promise<Held> {
    if (!HAS_DESCRIPTOR_PATHS) return { at: bufferOf(real), release: () => Promise.resolve() };
    const fd = await openFd(bufferOf(real), O_PATH | constants.O_NOFOLLOW | flags);
    const held = { at: Buffer.from(`/proc/self/fd/${String(fd)}`), release: () => closeFd(fd) };
    try {
      if (isWithin(await readlink(held.at, 'buffer'), this.#root)) return held;
    } catch (thrown) {
      await held.release();
      throw thrown;
    }
    await held.release();
    throw noSuchFile();
  }

  #below(path: Uint8Array): Uint8Array {
    return isRoot(this.#root) ? path : concatBytes([this.#root, path]);
  }

  #virtual(real: Uint8Array): Uint8Array {
    const rest = isRoot(this.#root) ? real : real.subarray(this.#root.length);
    return rest.length === 0 ? SLASH : rest;
  }
}

const SLASH: Uint8Array = utf8Bytes('/');

function realRoot(root: string): Uint8Array {
  try {
    const real = realpathSync.native(root, 'buffer');
    if (statSync(real).isDirectory()) return real;
  } catch (cause) {
    throw new SshError('config', 'the root cannot be used', { option: 'root' }, { cause });
  }
  throw new SshError('config', 'the root is no folder', { option: 'root' });
}

/** The same memory, as Node's functions for files want it. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function noSuchFile(cause?: unknown): SshError {
  return statusError(StatusCode.NO_SUCH_FILE, 'find', { cause });
}
