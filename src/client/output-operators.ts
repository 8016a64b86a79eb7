/** What people make of a command's events: bytes, text, a result, a status. */
import type { OperatorFunction } from 'rxjs';
import type { Exit } from '../errors.ts';
import { lift } from '../operators/lift.ts';
import { utf8Text } from '../wire/bytes.ts';
import { textDecoder } from '../wire/text-decoder.ts';
import { ByteLimit, GatheredBytes } from '../wire/gathered-bytes.ts';
import type { ExecEvent } from './exec.ts';
import { type ExitOptions, ExitWatch } from './exit-rules.ts';

/** Bounds what is collected. */
export interface CollectOptions {
  /** Most bytes that are kept, stdout and stderr together; 16 MiB by default. */
  readonly maxBytes?: number;
}

/** How a text is made. */
export interface TextOptions extends ExitOptions, CollectOptions {
  /** A label of the Encoding Standard: `latin1` (which means windows-1252), `utf-16le`, `shift_jis`, …; UTF-8 by default. */
  readonly encoding?: string;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;
const COLLECTED = 'collected output';

/** All that came of a command. */
export interface CommandResult {
  /** Output as text; malformed UTF-8 becomes U+FFFD. */
  readonly stdout: string;
  readonly stderr: string;
  /** Output as it came. */
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  readonly exit: Exit;
}

/**
 * stdout of a command as a stream of bytes. Completes when the command has ended with status 0, errors with `exit` when it
 * ended otherwise (unless `ignoreExit`). The bytes keep their credit.
 *
 * @example `db1$.pipe(exec('pg_dump app'), stdout())`
 */
export function stdout(options: ExitOptions = {}): OperatorFunction<ExecEvent, Uint8Array> {
  return oneStream('stdout', options);
}

/** stderr of a command as a stream of bytes; otherwise like {@link stdout}. */
export function stderr(options: ExitOptions = {}): OperatorFunction<ExecEvent, Uint8Array> {
  return oneStream('stderr', options);
}

/** stdout and stderr as one stream of bytes, in the order of arrival; otherwise like {@link stdout}. */
export function output(options: ExitOptions = {}): OperatorFunction<ExecEvent, Uint8Array> {
  return oneStream('both', options);
}

/**
 * stdout of a command as one text, emitted at the end. Errors with `exit` when the command did not end with status 0 (unless
 * `ignoreExit`), with `overflow` past `maxBytes`, and with `config` for an encoding that there is none of, before anything is done.
 *
 * @example `db1$.pipe(exec('type letter.txt'), text({ encoding: 'latin1' }))`
 */
export function text(options: TextOptions = {}): OperatorFunction<ExecEvent, string> {
  return lift((out) => {
    const decoder = textDecoder(options.encoding);
    const watch = new ExitWatch(options);
    const limit = new ByteLimit(COLLECTED, options.maxBytes ?? DEFAULT_MAX_BYTES);
    const gathered = new GatheredBytes(limit);
    return {
      next(event): void {
        if (event.type === 'stdout') gathered.add(event.data);
        watch.see(event);
      },
      complete(): void {
        out.next(decoder.decode(gathered.bytes()));
        out.complete();
      },
    };
  });
}

/** All that comes of a command as one value, whatever its exit. Errors with `overflow` past `maxBytes`. */
export function collect(options: CollectOptions = {}): OperatorFunction<ExecEvent, CommandResult> {
  return lift((out) => {
    const limit = new ByteLimit(COLLECTED, options.maxBytes ?? DEFAULT_MAX_BYTES);
    const gathered = { stdout: new GatheredBytes(limit), stderr: new GatheredBytes(limit) };
    let exit: Exit = { kind: 'missing' };
    return {
      next(event): void {
        if (event.type === 'exit') exit = event.exit;
        else gathered[event.type].add(event.data);
      },
      complete(): void {
        const stdoutBytes = gathered.stdout.bytes();
        const stderrBytes = gathered.stderr.bytes();
        out.next({
          stdout: utf8Text(stdoutBytes),
          stderr: utf8Text(stderrBytes),
          stdoutBytes,
          stderrBytes,
          exit,
        });
        out.complete();
      },
    };
  });
}

/** The exit status of a command, whatever it is. Errors with `exit` when it was a signal, or when no status came. */
export function exitStatus(): OperatorFunction<ExecEvent, number> {
  return lift((out) => {
    const watch = new ExitWatch();
    return {
      next(event): void {
        if (event.type !== 'exit') {
          watch.remember(event);
          return;
        }
        if (event.exit.kind !== 'status') throw watch.error(event.exit);
        out.next(event.exit.status);
      },
    };
  });
}

function oneStream(
  which: 'stdout' | 'stderr' | 'both',
  options: ExitOptions,
): OperatorFunction<ExecEvent, Uint8Array> {
  return lift((out) => {
    const watch = new ExitWatch(options);
    return {
      next(event): void {
        if (event.type !== 'exit' && (which === 'both' || event.type === which))
          out.next(event.data);
        watch.see(event);
      },
    };
  });
}
