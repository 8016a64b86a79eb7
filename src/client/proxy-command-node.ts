/** The way to a host through a program: its standard input and output are the connection. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import {
  concat,
  defer,
  EMPTY,
  Observable,
  race,
  ReplaySubject,
  switchMap,
  take,
  throwError,
  timer,
} from 'rxjs';
import { type Exit, SshError, toError } from '../errors.ts';
import type { ByteDuplex, ByteStream } from '../streams/byte-duplex.ts';
import { nodeDuplex } from '../streams/node-duplex-node.ts';
import { ExitWatch } from './exit-rules.ts';

/** What becomes of what the program says. */
export interface ProxyCommandOptions {
  /** Receives the program's stderr as it comes: escape it before it is shown. The end of it is in the error of an early exit, too. What it throws ends the connection. */
  readonly stderr?: (bytes: Uint8Array) => void;
}

/** Milliseconds that a program has to leave by itself at the end of its input, before it gets TERM. */
const LINGER = 100;
/** Milliseconds from TERM to KILL. */
const GRACE = 1000;
/** Milliseconds from the end of a program's output to its own: some leave their output before they go. */
const LAST_WORDS = 1000;

/**
 * Runs a program and emits its standard input and output as a duplex: the option `duplex` of `connect`, and what `ProxyCommand` is to
 * `ssh`. Cold: each subscription starts one, and no shell has a part in it.
 *
 * Unsubscribing ends its input, and it gets TERM when it is still there after 100 ms, KILL a second later. Errors with `config` when it
 * cannot be started. When it ends with a status other than 0, or by a signal, the connection errors with `exit`, which has the status
 * and the end of its stderr.
 *
 * @param command - the program and its arguments, each as it is; a host's name that comes from elsewhere must not begin with `-`
 *
 * @example
 * ```ts
 * connect('db1', { duplex: proxyCommand(['ssh', '-W', 'db1:22', 'bastion']) });
 * ```
 */
export function proxyCommand(
  command: readonly [string, ...string[]],
  options: ProxyCommandOptions = {},
): Observable<ByteDuplex> {
  return new Observable((subscriber) => {
    const [program, ...words] = command;
    const child = started(program, words);
    child.on('error', (error) => subscriber.error(notStarted(program, error)));
    if (child.pid === undefined) return undefined;
    subscriber.add(() => letGo(child));
    subscriber.next(new ChildDuplex(child, options));
    return undefined;
  });
}

/** Node throws at words that no program can be given: an empty name, a NUL. */
function started(program: string, words: readonly string[]): ChildProcessWithoutNullStreams {
  try {
    return spawn(program, words, { stdio: 'pipe' });
  } catch (cause) {
    throw notStarted(program, cause);
  }
}

/** A program's input and output. */
class ChildDuplex implements ByteDuplex {
  readonly readable$: ByteStream;
  readonly #input: ByteDuplex;
  readonly #output: ByteDuplex;
  readonly #watch = new ExitWatch();
  readonly #closed = new ReplaySubject<void>(1);

  constructor(child: ChildProcessWithoutNullStreams, { stderr }: ProxyCommandOptions) {
    this.#input = nodeDuplex(socketOf(child.stdin));
    this.#output = nodeDuplex(socketOf(child.stdout));
    child.stderr.on('error', nothing).on('data', (data: Uint8Array) => {
      this.#watch.remember({ type: 'stderr', data });
      try {
        stderr?.(data);
      } catch (thrown) {
        child.stdout.destroy(toError(thrown));
      }
    });
    child.once('close', () => this.#closed.next());
    const over$ = race(this.#closed, timer(LAST_WORDS)).pipe(take(1));
    const end$ = over$.pipe(switchMap(() => this.#endOf(child)));
    this.readable$ = concat(
      this.#output.readable$,
      defer(() => end$),
    );
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#input.write(bytes, done);
  }

  end(): void {
    this.#input.end();
  }

  destroy(error?: SshError): void {
    this.#input.destroy(error);
    this.#output.destroy(error);
  }

  #endOf({ exitCode, signalCode }: ChildProcess): Observable<never> {
    if (exitCode === 0 || (exitCode === null && signalCode === null)) return EMPTY;
    const exit: Exit =
      exitCode === null
        ? {
            kind: 'signal',
            signal: String(signalCode).slice(3),
            coreDumped: false,
            errorMessage: '',
          }
        : { kind: 'status', status: exitCode };
    // the way may be there again in a while
    return throwError(() =>
      this.#watch.error(exit, { what: 'the proxy command', transient: true }),
    );
  }
}

/** The goodbye is on its way through the program: the end of its input is behind it. */
function letGo(child: ChildProcessWithoutNullStreams): void {
  child.stdin.on('error', nothing).end();
  child.stdout.resume();
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (isGone()) return;
  // not unreferenced: a program of ours must not outlive us
  let deadline = setTimeout(() => {
    child.kill('SIGTERM');
    deadline = setTimeout(() => child.kill('SIGKILL'), GRACE);
  }, LINGER);
  child.once('exit', () => clearTimeout(deadline));
}

/** Node gives pipes as sockets, of which one way is used. */
function socketOf(pipe: Readable | Writable): Duplex {
  if (pipe instanceof Duplex) return pipe;
  throw new TypeError('a pipe that is no socket');
}

function notStarted(program: string, cause: unknown): SshError<'config'> {
  const message = `the proxy command ${JSON.stringify(program)} cannot be run: ${toError(cause).message}`;
  return new SshError('config', message, { option: 'proxyCommand' }, { cause });
}

function nothing(): void {
  // told by the end of the program
}
