/** A byte stream as lines of text. */
import type { OperatorFunction } from 'rxjs';
import { lift } from './lift.ts';
import { LineSplitter } from './line-splitter.ts';

/** How lines are split. */
export interface SplitLinesOptions {
  /** Bytes that one line may have; 1 MiB by default. */
  readonly maxLength?: number;
}

/**
 * Emits the lines of a byte stream (see {@link LineSplitter} for what a line is).
 *
 * 1. A last line without an end is emitted at completion; before an error it is dropped, for nobody knows whether it is whole.
 * 2. A chunk's lines are emitted inside its delivery: one hold keeps the chunk's credit, whichever line it was for.
 *
 * Errors with `overflow` for a line longer than `maxLength`, after the lines before it.
 *
 * @example
 * ```ts
 * socket.readable$.pipe(splitLines({ maxLength: 4096 }));
 * ```
 */
export function splitLines(options: SplitLinesOptions = {}): OperatorFunction<Uint8Array, string> {
  return lift((out) => {
    const splitter = new LineSplitter(options.maxLength);
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
