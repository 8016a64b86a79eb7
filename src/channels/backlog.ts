/**
 * Output that waits, in the order of arrival. Small pieces are put together, those of stdout and stderr in one block: an object
 * a byte would cost a hundred times the window, and a peer that alternates between the two could ask for it.
 */
import { Fifo } from '../wire/fifo.ts';

/** A piece of output, in the order of arrival. */
export interface ChannelOutput {
  readonly type: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

/** Up to this many bytes, a piece is copied to others. */
const SMALL_PIECE = 1024;
const FIRST_BLOCK = 512;
const LARGEST_BLOCK = 8 * 1024;

/** Output that nobody has taken yet. */
export class Backlog {
  readonly #pieces = new Fifo<ChannelOutput | Block>();

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Adds a piece; it belongs to the backlog. */
  push(output: ChannelOutput): void {
    const last = this.#pieces.last();
    if (last === undefined || output.data.length > SMALL_PIECE) {
      this.#pieces.push(output);
      return;
    }
    if (last instanceof Block && last.append(output)) return;
    // a single small piece is passed on as it is: most never meet another
    this.#pieces.push(last instanceof Block || isSmall(last) ? new Block(output) : output);
  }

  /** Takes the oldest piece; it belongs to whoever took it. */
  shift(): ChannelOutput | undefined {
    const first = this.#pieces.peek();
    if (!(first instanceof Block)) return this.#pieces.shift() as ChannelOutput | undefined;
    const output = first.shift();
    if (first.isEmpty) this.#pieces.shift();
    return output;
  }

  /** Drops everything; gives the bytes that it was. */
  clear(): number {
    return this.#pieces.takeAll().reduce((bytes, piece) => bytes + lengthOf(piece), 0);
  }
}

function isSmall({ data }: ChannelOutput): boolean {
  return data.length <= SMALL_PIECE;
}

function lengthOf(piece: ChannelOutput | Block): number {
  return piece instanceof Block ? piece.length : piece.data.length;
}

/** Small pieces, one behind the other; neighbours of one stream become one. */
class Block {
  /** Lengths of the pieces; those of stderr are negative. */
  readonly #runs = new Fifo<number>();
  #bytes = new Uint8Array(FIRST_BLOCK);
  #start = 0;
  #end = 0;
  /** Length of the newest piece, which may still grow. */
  #open = 0;

  constructor(first: ChannelOutput) {
    this.append(first);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Adds a piece; `false` when there is no room for it. */
  append({ type, data }: ChannelOutput): boolean {
    if (!this.#makeRoom(data.length)) return false;
    this.#bytes.set(data, this.#end);
    this.#end += data.length;
    const length = type === 'stdout' ? data.length : -data.length;
    if (this.#open !== 0 && this.#open > 0 !== length > 0) {
      this.#runs.push(this.#open);
      this.#open = 0;
    }
    this.#open += length;
    return true;
  }

  shift(): ChannelOutput {
    let run = this.#runs.shift();
    if (run === undefined) {
      run = this.#open;
      this.#open = 0;
    }
    const length = Math.abs(run);
    const data = this.#bytes.subarray(this.#start, this.#start + length);
    const isWhole = this.#start === 0 && length === this.#end;
    this.#start += length;
    // nobody shall own memory that another piece lies in
    return { type: run > 0 ? 'stdout' : 'stderr', data: isWhole ? data : data.slice() };
  }

  #makeRoom(length: number): boolean {
    const needed = this.#end + length;
    if (needed > LARGEST_BLOCK) return false;
    if (needed <= this.#bytes.length) return true;
    const grown = new Uint8Array(Math.min(LARGEST_BLOCK, Math.max(needed, this.#bytes.length * 4)));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
    return true;
  }
}
