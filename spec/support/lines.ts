/** What a splitter of lines makes of chunks. */
import { isSshError } from '../../src/errors.ts';
import type { Splitter } from '../../src/operators/split-lines.ts';

/** The lines of these chunks, and `overflow` at the end when it threw that. */
export function linesOf(chunks: readonly Uint8Array[], splitter: Splitter): string[] {
  const lines: string[] = [];
  const emit = (line: string): void => void lines.push(line);
  try {
    for (const chunk of chunks) splitter.push(chunk, emit);
    splitter.end(emit);
  } catch (error) {
    if (!isSshError(error, 'overflow')) throw error;
    lines.push('overflow');
  }
  return lines;
}
