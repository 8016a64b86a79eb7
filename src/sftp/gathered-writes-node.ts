/**
 * The writes of one open file. While one is under way, those that come are gathered, and neighbours are written together: the
 * way to the kernel and back takes longer than to write a block.
 */
import { writev, writevSync } from 'node:fs';
import { QUICK_BYTES, quickly, type Told } from './quick-calls-node.ts';

/** Blocks that are written together. */
const MOST_TOGETHER = 64;

/** Bytes that are to be written. */
interface Waiting {
  readonly bytes: Uint8Array;
  readonly position: number;
  /** Called once, with the error if there is one. */
  readonly done: (error: unknown) => void;
}

/** Writes neighbours. */
type Writev = (
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
  told: Told<number>,
) => void;

const quickWritev: Writev = (fd, buffers, position, told) =>
  quickly(
    () => writevSync(fd, buffers, position),
    (later) => writev(fd, buffers, position, later),
    told,
  );

/** Writes to one descriptor, one call at a time. */
export class GatheredWrites {
  readonly #fd: number;
  readonly #isQuick: boolean;
  readonly #waiting: Waiting[] = [];
  #isWriting = false;

  /** @param isQuick - is it on a disk that answers at once? */
  constructor(fd: number, isQuick = false) {
    this.#fd = fd;
    this.#isQuick = isQuick;
  }

  /**
   * Writes all of the bytes, which are lent until `done` is called. Where writes overlap, the order is that of the calls.
   *
   * @returns takes it back, if it has not begun
   */
  write(bytes: Uint8Array, position: number, done: (error: unknown) => void): () => void {
    const waiting = { bytes, position, done };
    this.#waiting.push(waiting);
    const isQuick = this.#isQuick && bytes.length <= QUICK_BYTES;
    if (!this.#isWriting) this.#writeOn(isQuick ? quickWritev : writev);
    return () => {
      const index = this.#waiting.indexOf(waiting);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      done(null);
    };
  }

  #writeOn(call: Writev = writev): void {
    const batch = this.#neighbours();
    const [first] = batch;
    this.#isWriting = first !== undefined;
    if (first !== undefined) this.#writeAll(batch, first.position, call);
  }

  /** The oldest, and those behind it that begin where the one before ends. */
  #neighbours(): Waiting[] {
    const together = this.#waiting.slice(0, MOST_TOGETHER);
    const gap = together.findIndex((each, index) => {
      const before = together[index - 1];
      return before !== undefined && each.position !== before.position + before.bytes.length;
    });
    return this.#waiting.splice(0, gap < 0 ? together.length : gap);
  }

  #writeAll(batch: readonly Waiting[], position: number, call: Writev): void {
    const buffers = batch.map(({ bytes }) => bytes);
    const written = (error: unknown): void => {
      for (const { done } of batch) done(error);
      this.#writeOn();
    };
    this.#write(buffers, position, written, call);
  }

  #write(
    buffers: readonly Uint8Array[],
    position: number,
    done: (error: unknown) => void,
    call: Writev,
  ): void {
    call(this.#fd, buffers, position, (error, count) => {
      const rest = error === null ? without(buffers, count) : [];
      if (rest.length === 0) done(error);
      else if (count === 0) done(new Error('nothing was written'));
      // a full disk takes a part at first
      else this.#write(rest, position + count, done, writev);
    });
  }
}

/** The bytes behind the first `count`. */
function without(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  return buffers.flatMap((buffer) => {
    const rest = buffer.subarray(Math.min(left, buffer.length));
    left -= buffer.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}
