/**
 * The receive buffer: bytes in, packets out, one growing array that is compacted instead of reallocated. Its storage is let
 * go when it runs empty, so an idle connection keeps none. A chunk can also be lent: what lies in it whole is read where it
 * lies, and only what is left of it is copied.
 */

/** Storage that is kept back for the next window that needs one, so that a busy connection does not allocate at every chunk. */
const SMALLEST_STORAGE = 1024;
const SPARE_STORAGE = 128 * 1024;
let spare: Uint8Array | undefined;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Bytes that were received and not yet taken. */
export class ByteWindow {
  #storage = NOTHING;
  #start = 0;
  #end = 0;
  /** What was lent and has not been taken: it follows what is stored. */
  #lent = NOTHING;

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start + this.#lent.length;
  }

  /** Copies a chunk in. */
  append(chunk: Uint8Array): void {
    this.keep();
    this.#store(chunk);
  }

  /** Takes a chunk that is the caller's again after the next {@link keep}. */
  lend(chunk: Uint8Array): void {
    this.keep();
    this.#lent = chunk;
  }

  /** Copies what is left of the lent chunk. */
  keep(): void {
    const lent = this.#lent;
    if (lent.length === 0) return;
    this.#lent = NOTHING;
    this.#store(lent);
  }

  /** A view of the first `length` bytes; good until the next bytes come in. */
  peek(length: number): Uint8Array {
    const missing = length - (this.#end - this.#start);
    if (this.#start === this.#end) return this.#lent.subarray(0, length);
    if (missing > 0) {
      this.#store(this.#lent.subarray(0, missing));
      this.#lent = this.#lent.subarray(missing);
    }
    return this.#storage.subarray(this.#start, this.#start + length);
  }

  /** Takes the first `length` bytes out, as a view that is good until the next bytes come in. */
  take(length: number): Uint8Array {
    const view = this.peek(length);
    if (this.#start === this.#end) this.#lent = this.#lent.subarray(length);
    else this.#start += length;
    return view;
  }

  /** Lets the storage go when nothing waits; call it when no view is in use any more. */
  settle(): void {
    if (this.length > 0) return;
    if (this.#storage.length === SPARE_STORAGE) spare = this.#storage;
    this.#storage = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }

  #store(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#storage.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#storage.length) return;
    const stored = this.#end - this.#start;
    const needed = stored + length;
    if (needed <= this.#storage.length && this.#start >= stored) {
      this.#storage.copyWithin(0, this.#start, this.#end);
    } else {
      const grown = storageOf(
        Math.max(needed, Math.min(this.#storage.length * 2, 4 * needed), SMALLEST_STORAGE),
      );
      grown.set(this.#storage.subarray(this.#start, this.#end));
      this.#storage = grown;
    }
    this.#end = stored;
    this.#start = 0;
  }
}

function storageOf(length: number): Uint8Array {
  if (length > SPARE_STORAGE || length < SMALLEST_STORAGE * 8) return new Uint8Array(length);
  const storage = spare ?? new Uint8Array(SPARE_STORAGE);
  spare = undefined;
  return storage;
}
