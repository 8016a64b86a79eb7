/** Lines of text out of a command's events, or out of any stream of bytes. */
import type { OperatorFunction } from 'rxjs';
import { lift } from '../operators/lift.ts';
import { createSplitter, type SplitLinesOptions } from '../operators/split-lines.ts';
import type { ExecEvent } from './exec.ts';
import { type ExitOptions, ExitWatch } from './exit-rules.ts';

/** A line, and which stream it came on. */
export interface TaggedLine {
  readonly type: 'stdout' | 'stderr';
  readonly line: string;
}

/** How lines are made. */
export interface LinesOptions extends ExitOptions, SplitLinesOptions {
  /** Lines of stdout and stderr, each saying which; without it lines of stdout alone. */
  readonly tagged?: boolean;
}

/**
 * Splits output into lines.
 *
 * 1. Takes a command's events, or plain bytes, which count as stdout.
 * 2. Emits a line without its LF or CR LF (or CR, with `universal`); the last line need not have one. Malformed text becomes U+FFFD.
 * 3. All lines of a chunk are emitted within its delivery: whoever holds the credit of one holds the chunk's.
 * 4. Errors with `exit` when the command did not end with status 0 (unless `ignoreExit`), behind the last line; with `overflow`
 *    for a line of more than `maxLength` bytes; with `config` for an encoding that there is none of, before anything is done.
 *
 * @example
 * ```ts
 * db1$.pipe(exec('journalctl -f'), lines()).subscribe((line) => console.log(line));
 * ```
 */
export function lines(
  options: LinesOptions & { readonly tagged: true },
): OperatorFunction<ExecEvent | Uint8Array, TaggedLine>;
export function lines(
  options?: LinesOptions & { readonly tagged?: false },
): OperatorFunction<ExecEvent | Uint8Array, string>;
export function lines(
  options: LinesOptions = {},
): OperatorFunction<ExecEvent | Uint8Array, string | TaggedLine> {
  return lift((out) => {
    const watch = new ExitWatch(options);
    const { tagged = false } = options;
    const splitters = { stdout: createSplitter(options), stderr: createSplitter(options) };
    const emitTo = (type: 'stdout' | 'stderr') => (line: string) => {
      // whoever listens may have had enough in the middle of a chunk
      if (!out.closed) out.next(tagged ? { type, line } : line);
    };
    const emit = { stdout: emitTo('stdout'), stderr: emitTo('stderr') };
    const finish = (): void => {
      splitters.stdout.end(emit.stdout);
      splitters.stderr.end(emit.stderr);
    };
    return {
      next(event): void {
        if (event instanceof Uint8Array) {
          splitters.stdout.push(event, emit.stdout);
          return;
        }
        if (event.type === 'exit') finish();
        else if (event.type === 'stdout' || tagged)
          splitters[event.type].push(event.data, emit[event.type]);
        watch.see(event);
      },
      complete(): void {
        finish();
        out.complete();
      },
    };
  });
}
