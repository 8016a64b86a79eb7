/**
 * The receive buffer: bytes in, packets out, one growing array that is compacted instead of reallocated. Its storage is let
 * go when it runs empty, so an idle connection keeps none.
 */

/** Storage that is kept back for the next window that needs one, so that a busy connection does not allocate at every chunk. */
const SMALLEST_STORAGE = 1024;
const SPARE_STORAGE = 128 * 1024;
let spare: Uint8Array | undefined;

/** Bytes that were received and not yet taken. */
export class ByteWindow {
  #storage: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Copies a chunk in. */
  append(chunk: Uint8Array): void {
    this.#makeRoom(chunk.length);
    this.#storage.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** A view of the first `length` bytes; good until the next `append`. */
  peek(length: number): Uint8Array {
    return this.#storage.subarray(this.#start, this.#start + length);
  }

  /** Takes the first `length` bytes out, as a view that is good until the next `append`. */
  take(length: number): Uint8Array {
    const view = this.peek(length);
    this.#start += length;
    return view;
  }

  /** Lets the storage go when nothing waits; call it when no view is in use any more. */
  settle(): void {
    if (this.#start < this.#end) return;
    if (this.#storage.length === SPARE_STORAGE) spare = this.#storage;
    this.#storage = new Uint8Array(0);
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#storage.length) return;
    const needed = this.length + length;
    if (needed <= this.#storage.length && this.#start >= this.length) {
      this.#storage.copyWithin(0, this.#start, this.#end);
    } else {
      const grown = storageOf(
        Math.max(needed, Math.min(this.#storage.length * 2, 4 * needed), SMALLEST_STORAGE),
      );
      grown.set(this.#storage.subarray(this.#start, this.#end));
      this.#storage = grown;
    }
    this.#end = this.length;
    this.#start = 0;
  }
}

function storageOf(length: number): Uint8Array {
  if (length > SPARE_STORAGE || length < SMALLEST_STORAGE * 8) return new Uint8Array(length);
  const storage = spare ?? new Uint8Array(SPARE_STORAGE);
  spare = undefined;
  return storage;
}
