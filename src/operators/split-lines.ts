/** A byte stream as lines of text. */
import type { OperatorFunction } from 'rxjs';
import { SshError } from '../errors.ts';
import { lift } from './lift.ts';
import { LineSplitter } from './line-splitter.ts';
import { TextLineSplitter } from './text-line-splitter.ts';

/** How lines are split. */
export interface SplitLinesOptions {
  /** Bytes that one line may have (UTF-16 code units with `universal` or another encoding); 1 MiB by default. */
  readonly maxLength?: number;
  /** A CR alone ends a line, too: text of any system, progress that writes over itself. */
  readonly universal?: boolean;
  /**
   * A label of the Encoding Standard: `latin1` (which means windows-1252), `utf-16le`, `shift_jis`, …; UTF-8 by default. One that
   * there is none of is a `config` error before anything is subscribed to.
   */
  readonly encoding?: string;
}

/** What takes chunks and gives lines. */
export type Splitter = Pick<LineSplitter, 'push' | 'end'>;

/**
 * Splits UTF-8 with LF and CR LF quickly, and everything else rightly. Throws `config` for an encoding that there is none of, and
 * for a length that is none.
 */
export function createSplitter(options: SplitLinesOptions): Splitter {
  const { maxLength, universal = false, encoding } = options;
  if (maxLength !== undefined && !(maxLength >= 0))
    throw new SshError('config', 'maxLength is not a number of bytes', { option: 'maxLength' });
  if (!universal && encoding === undefined) return new LineSplitter(maxLength);
  return new TextLineSplitter(options);
}

/**
 * Emits the lines of a byte stream. A line ends with LF or CR LF, which are not part of it; with `universal` with CR, too.
 *
 * 1. A last line without an end is emitted at completion; before an error it is dropped, for nobody knows whether it is whole.
 * 2. A chunk's lines are emitted inside its delivery: one hold keeps the chunk's credit, whichever line it was for.
 *
 * Errors with `overflow` for a line longer than `maxLength`, after the lines before it, and with `config` for options that are none.
 *
 * @example
 * ```ts
 * socket.readable$.pipe(splitLines({ maxLength: 4096 }));
 * ```
 */
export function splitLines(options: SplitLinesOptions = {}): OperatorFunction<Uint8Array, string> {
  return lift((out) => {
    const splitter = createSplitter(options);
    const emit = (line: string): void => {
      if (!out.closed) out.next(line);
    };
    return {
      next(chunk): void {
        splitter.push(chunk, emit);
      },
      complete(): void {
        splitter.end(emit);
        out.complete();
      },
    };
  });
}
