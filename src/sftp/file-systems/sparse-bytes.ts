/** Bytes of a file in memory: holes take no room, and a small file takes little. */

/** Size of a whole block, in bytes; the last one of a file may be smaller. */
const BLOCK = 64 * 1024;
const SMALLEST_BLOCK = 256;

/** A file's content, of which what was never written is zero. */
export class SparseBytes {
  readonly #blocks = new Map<number, Uint8Array>();
  #size = 0;
  #allocated = 0;

  /** In bytes, holes included. */
  get size(): number {
    return this.#size;
  }

  /** Memory that it takes, in bytes. */
  get allocated(): number {
    return this.#allocated;
  }

  /** How much `allocated` would grow by a write. */
  cost(position: number, length: number): number {
    let cost = 0;
    for (const { index, to } of pieces(position, length)) {
      const block = this.#blocks.get(index);
      cost += Math.max(0, blockSize(to) - (block?.length ?? 0));
    }
    return cost;
  }

  /** Copies into the front of `into`; gives how many bytes it was. */
  read(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size - position));
    for (const { index, from, to, at } of pieces(position, length)) {
      const block = this.#blocks.get(index);
      const held = block?.subarray(Math.min(from, block.length), Math.min(to, block.length));
      if (held !== undefined) into.set(held, at);
      into.fill(0, at + (held?.length ?? 0), at + to - from);
    }
    return length;
  }

  /** Copies bytes in. */
  write(bytes: Uint8Array, position: number): void {
    for (const { index, from, to, at } of pieces(position, bytes.length)) {
      this.#block(index, to).set(bytes.subarray(at, at + to - from), from);
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, position + bytes.length);
  }

  /** Cuts, or lengthens by a hole. */
  resize(size: number): void {
    if (size < this.#size) this.#cut(size);
    this.#size = size;
  }

  #cut(size: number): void {
    const last = Math.floor(size / BLOCK);
    for (const [index, block] of this.#blocks) {
      const isPast = index > last || (index === last && size % BLOCK === 0);
      if (isPast) {
        this.#allocated -= block.length;
        this.#blocks.delete(index);
      } else if (index === last) block.fill(0, size % BLOCK);
    }
  }

  #block(index: number, to: number): Uint8Array {
    const block = this.#blocks.get(index);
    if (block !== undefined && block.length >= to) return block;
    const grown = new Uint8Array(blockSize(to));
    if (block !== undefined) grown.set(block);
    this.#allocated += grown.length - (block?.length ?? 0);
    this.#blocks.set(index, grown);
    return grown;
  }
}

interface Piece {
  readonly index: number;
  /** In the block. */
  readonly from: number;
  readonly to: number;
  /** In the bytes that are read or written. */
  readonly at: number;
}

/** The parts of blocks that a range lies in. */
function* pieces(position: number, length: number): Generator<Piece> {
  for (let at = 0; at < length;) {
    const from = (position + at) % BLOCK;
    const to = Math.min(BLOCK, from + length - at);
    yield { index: Math.floor((position + at) / BLOCK), from, to, at };
    at += to - from;
  }
}

/** Powers of two, so that a file that grows by small writes is seldom copied. */
function blockSize(to: number): number {
  let size = SMALLEST_BLOCK;
  while (size < to) size *= 2;
  return size;
}
