/** Bytes that are kept, within a limit. */
import { SshError } from '../errors.ts';
import { concatBytes } from './bytes.ts';

/** A limit that several collections share. */
export class ByteLimit {
  readonly #what: string;
  readonly #maxBytes: number;
  #left: number;

  /**
   * Throws `config` for a limit that is none.
   *
   * @param what - is kept, for the error
   */
  constructor(what: string, maxBytes: number) {
    if (!(maxBytes >= 0))
      throw new SshError('config', 'maxBytes is not a number of bytes', { option: 'maxBytes' });
    this.#what = what;
    this.#maxBytes = maxBytes;
    this.#left = maxBytes;
  }

  /** Counts bytes. Throws `overflow` past the limit. */
  use(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    const detail = { what: this.#what, limit: this.#maxBytes };
    const text = `${this.#what}: more than ${String(this.#maxBytes)} bytes`;
    throw new SshError('overflow', text, detail);
  }
}

/** Up to this many bytes, a piece is copied to others: a peer that sends single bytes must not cost a hundred times the limit. */
const SMALL_PIECE = 1024;
const BLOCK = 16 * 1024;

/** Pieces that become one. Large ones are kept as they are: who adds them owns them. */
export class GatheredBytes {
  readonly #limit: ByteLimit;
  #pieces: Uint8Array[] = [];
  #block = new Uint8Array(0);
  #used = 0;

  constructor(limit: ByteLimit) {
    this.#limit = limit;
  }

  /** Keeps a piece. Throws `overflow` past the limit. */
  add(piece: Uint8Array): void {
    this.#limit.use(piece.length);
    if (piece.length <= SMALL_PIECE) {
      this.#copy(piece);
      return;
    }
    this.#closeBlock();
    this.#pieces.push(piece);
  }

  /** All of it. */
  bytes(): Uint8Array {
    this.#closeBlock();
    return concatBytes(this.#pieces);
  }

  /** Drops what is kept. */
  clear(): void {
    this.#pieces = [];
    this.#block = new Uint8Array(0);
    this.#used = 0;
  }

  #copy(piece: Uint8Array): void {
    if (this.#used + piece.length > this.#block.length) {
      this.#closeBlock();
      this.#block = new Uint8Array(BLOCK);
    }
    this.#block.set(piece, this.#used);
    this.#used += piece.length;
  }

  /** What is left of a block is used on: large pieces between small ones must not cost a block each. */
  #closeBlock(): void {
    if (this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}
