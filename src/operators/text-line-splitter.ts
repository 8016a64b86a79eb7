/** Lines out of text in any encoding, with the line ends of any system: incremental, of bounded memory, and without rxjs. */
import { type Decoder, textDecoder } from '../wire/text-decoder.ts';
import type { SplitLinesOptions } from './split-lines.ts';
import { DEFAULT_MAX_LINE_LENGTH, lineTooLong, withoutReturn } from './line-splitter.ts';

/**
 * Splits text into lines.
 *
 * 1. A line ends with LF or CR LF; with `universal` with CR, too, at which it is emitted at once: an LF that comes in a later
 *    chunk belongs to it.
 * 2. Characters may be cut anywhere by the chunking.
 * 3. A line of more than `maxLength` units throws `overflow`, when the lines before it were emitted.
 */
export class TextLineSplitter {
  readonly #decoder: Decoder;
  readonly #isUniversal: boolean;
  readonly #maxLength: number;
  /** The beginning of a line whose end has not come. */
  #tail = '';
  /** The last line ended with a CR whose LF may still come. */
  #isBehindReturn = false;

  constructor({ encoding, universal = false, maxLength }: SplitLinesOptions = {}) {
    this.#decoder = textDecoder(encoding);
    this.#isUniversal = universal;
    this.#maxLength = maxLength ?? DEFAULT_MAX_LINE_LENGTH;
  }

  /** Takes a chunk, which is not kept, and calls `emit` for each line that it completes. */
  push(chunk: Uint8Array, emit: (line: string) => void): void {
    this.#split(this.#decoder.decode(chunk, { stream: true }), emit);
  }

  /** At the end of the stream: emits a last line that has no end. */
  end(emit: (line: string) => void): void {
    this.#split(this.#decoder.decode(), emit);
    if (this.#tail !== '') emit(this.#checked(this.#tail));
    this.#tail = '';
  }

  #split(text: string, emit: (line: string) => void): void {
    if (text === '') return;
    const fresh = this.#isBehindReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#isBehindReturn = this.#isUniversal && text.endsWith('\r');
    const lines = fresh.split(this.#isUniversal ? /\r\n|\r|\n/ : '\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      const whole = this.#tail + line;
      this.#tail = '';
      emit(this.#checked(this.#isUniversal ? whole : withoutReturn(whole)));
    }
    this.#tail += rest;
    if (this.#tail.length > this.#maxLength + 1) this.#checked(this.#tail);
  }

  #checked(line: string): string {
    if (line.length > this.#maxLength) throw lineTooLong(this.#maxLength, 'characters');
    return line;
  }
}
