/** What people make of a command's events: bytes, text, a result, a status. */
import type { OperatorFunction } from 'rxjs';
import { type Exit, SshError } from '../errors.ts';
import { lift } from '../operators/lift.ts';
import { concatBytes, utf8Text } from '../wire/bytes.ts';
import type { ExecEvent } from './exec.ts';
import { type ExitOptions, ExitWatch } from './exit-rules.ts';

/** Bounds what is collected. */
export interface CollectOptions {
  /** Most bytes that are kept, stdout and stderr together; 16 MiB by default. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

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
 * `ignoreExit`), and with `overflow` past `maxBytes`.
 */
export function text(
  options: ExitOptions & CollectOptions = {},
): OperatorFunction<ExecEvent, string> {
  return lift((out) => {
    const watch = new ExitWatch(options);
    const gathered = new Gathered(options);
    return {
      next(event): void {
        if (event.type === 'stdout') gathered.add(event.data);
        watch.see(event);
      },
      complete(): void {
        out.next(utf8Text(gathered.bytes()));
        out.complete();
      },
    };
  });
}

/** All that comes of a command as one value, whatever its exit. Errors with `overflow` past `maxBytes`. */
export function collect(options: CollectOptions = {}): OperatorFunction<ExecEvent, CommandResult> {
  return lift((out) => {
    const limit = new Limit(options);
    const gathered = { stdout: new Gathered(limit), stderr: new Gathered(limit) };
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

/** A limit that several collections share. */
class Limit {
  readonly #maxBytes: number;
  #left: number;

  constructor({ maxBytes = DEFAULT_MAX_BYTES }: CollectOptions) {
    this.#maxBytes = maxBytes;
    this.#left = maxBytes;
  }

  use(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    const detail = { what: 'collected output', limit: this.#maxBytes };
    throw new SshError('overflow', `more than ${String(this.#maxBytes)} bytes of output`, detail);
  }
}

/** Up to this many bytes, a piece is copied to others: a peer that sends single bytes must not cost a hundred times the limit. */
const SMALL_PIECE = 1024;
const BLOCK = 16 * 1024;

/** Channel data is owned by whoever receives it, so large pieces are kept as they are. */
class Gathered {
  readonly #limit: Limit;
  readonly #pieces: Uint8Array[] = [];
  #block = new Uint8Array(0);
  #used = 0;

  constructor(limit: Limit | CollectOptions) {
    this.#limit = limit instanceof Limit ? limit : new Limit(limit);
  }

  add(piece: Uint8Array): void {
    this.#limit.use(piece.length);
    if (piece.length <= SMALL_PIECE) {
      this.#copy(piece);
      return;
    }
    this.#closeBlock();
    this.#pieces.push(piece);
  }

  bytes(): Uint8Array {
    this.#closeBlock();
    return concatBytes(this.#pieces);
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
