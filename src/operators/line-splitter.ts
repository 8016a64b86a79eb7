/** Lines out of chunks of bytes: incremental, of bounded memory, and without rxjs. */
import { SshError } from '../errors.ts';
import { ByteWindow } from '../wire/byte-window.ts';

/** Bytes that one line may have by default: bounds what a stream without line ends makes us keep. */
export const DEFAULT_MAX_LINE_LENGTH = 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits a stream of UTF-8 into lines.
 *
 * 1. A line ends with LF or CR LF, which are not part of it; a CR elsewhere is.
 * 2. Characters may be cut anywhere by the chunking; malformed UTF-8 becomes U+FFFD, a byte order mark is kept.
 * 3. A line of more than `maxLength` bytes throws `overflow`, when the lines before it were emitted.
 */
export class LineSplitter {
  readonly #maxLength: number;
  /** The beginning of a line whose end has not come. */
  readonly #tail = new ByteWindow();
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @param maxLength - in bytes, without the line's end */
  constructor(maxLength: number = DEFAULT_MAX_LINE_LENGTH) {
    this.#maxLength = maxLength;
  }

  /** Takes a chunk, which is not kept, and calls `emit` for each line that it completes. */
  push(chunk: Uint8Array, emit: (line: string) => void): void {
    const firstEnd = chunk.indexOf(LF);
    if (firstEnd < 0) {
      this.#keep(chunk);
      return;
    }
    let from = 0;
    if (this.#tail.length > 0) {
      this.#keep(chunk.subarray(0, firstEnd));
      emit(this.#takeTail());
      from = firstEnd + 1;
    }
    const end = chunk.lastIndexOf(LF) + 1;
    if (end > from) this.#emitWhole(chunk.subarray(from, end - 1), emit);
    if (end < chunk.length) this.#keep(chunk.subarray(end));
  }

  /** At the end of the stream: emits a last line that has no end. */
  end(emit: (line: string) => void): void {
    if (this.#tail.length === 0) return;
    if (this.#tail.length > this.#maxLength) throw this.#overflow();
    const line = this.#decoder.decode(this.#tail.take(this.#tail.length));
    this.#tail.settle();
    emit(line);
  }

  /** Whole lines are decoded together: a call of the decoder for each would cost more than all the rest. */
  #emitWhole(bytes: Uint8Array, emit: (line: string) => void): void {
    if (bytes.length > this.#maxLength) {
      this.#emitChecked(bytes, emit);
      return;
    }
    for (const line of this.#decoder.decode(bytes).split('\n')) emit(withoutReturn(line));
  }

  #emitChecked(bytes: Uint8Array, emit: (line: string) => void): void {
    for (let from = 0; from <= bytes.length;) {
      const found = bytes.indexOf(LF, from);
      const end = found < 0 ? bytes.length : found;
      const line = bytes.subarray(from, end);
      if (lengthWithoutReturn(line) > this.#maxLength) throw this.#overflow();
      emit(withoutReturn(this.#decoder.decode(line)));
      from = end + 1;
    }
  }

  #keep(bytes: Uint8Array): void {
    // one more may be the CR of the line's end
    const length = this.#tail.length + bytes.length;
    const last = bytes[bytes.length - 1];
    if (
      length > this.#maxLength + 1 ||
      (length > this.#maxLength && last !== CR && last !== undefined)
    )
      throw this.#overflow();
    this.#tail.append(bytes);
  }

  #takeTail(): string {
    const line = this.#tail.take(this.#tail.length);
    if (lengthWithoutReturn(line) > this.#maxLength) throw this.#overflow();
    const text = withoutReturn(this.#decoder.decode(line));
    this.#tail.settle();
    return text;
  }

  #overflow(): SshError<'overflow'> {
    return lineTooLong(this.#maxLength, 'bytes');
  }
}

/** The error for a line of more than `limit` units. */
export function lineTooLong(limit: number, unit: string): SshError<'overflow'> {
  const detail = { what: `${unit} of one line`, limit };
  return new SshError('overflow', `a line is longer than ${String(limit)} ${unit}`, detail);
}

/** Without the CR of its end. */
export function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

function lengthWithoutReturn(line: Uint8Array): number {
  return line[line.length - 1] === CR ? line.length - 1 : line.length;
}
