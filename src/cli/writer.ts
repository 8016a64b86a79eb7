/** Bytes to a standard stream, at its pace, and how it ends. */
import {
  concatMap,
  fromEvent,
  map,
  merge,
  type MonoTypeOperatorFunction,
  type Observable,
  take,
} from 'rxjs';
import { holdCredit } from '../node.ts';
import type { CliOutput } from './io.ts';
import { FAILURE_STATUS, hasCode } from './usage.ts';

/** Bytes that may wait in the stream before more are made. */
const CONGESTED = 64 * 1024;

/** 128 and SIGPIPE. */
const BROKEN_PIPE_STATUS = 141;

/** Something that will write, and the credit of what it will write. */
interface Task {
  readonly run: () => void;
  readonly release: () => void;
}

/** Writes to a stream; whoever has sent the bytes gets the credit back when they are written. */
export class Writer {
  readonly #stream: CliOutput;
  #isBroken = false;
  #pending = 0;
  /** Those that came last, and in front of them the earlier ones, the next of which is at the end. */
  #later: Task[] = [];
  #sooner: Task[] = [];
  #idle: (() => void)[] = [];

  constructor(stream: CliOutput) {
    this.#stream = stream;
    // what cannot be written any more is dropped; `broken$` tells those who want to end then
    stream.on('error', () => (this.#isBroken = true));
    // others may write to it too, and congest it
    stream.on('drain', () => this.#goOn());
  }

  /** Emits when the reader of the stream has gone (EPIPE), or it fails otherwise. */
  get broken$(): Observable<Error> {
    return fromEvent(this.#stream, 'error').pipe(
      take(1),
      map((error) => error as Error),
    );
  }

  write(bytes: Uint8Array | string): void {
    if (this.#isBroken) return;
    const release = holdCredit();
    this.#pending++;
    this.#stream.write(bytes, (error) => {
      if (error !== null && error !== undefined) this.#isBroken = true;
      release();
      this.#pending--;
      this.#goOn();
    });
  }

  /**
   * Runs something that writes as soon as the stream can take it, in order: what is larger when it is written than it was
   * before waits in its first form. The credit of the present delivery is held until then.
   */
  whenReady(run: () => void): void {
    const isFirst = this.#sooner.length === 0 && this.#later.length === 0;
    if (isFirst && (this.#isBroken || !this.#isCongested)) run();
    else this.#later.push({ run, release: holdCredit() });
  }

  /** Resolves when everything is written. */
  async flushed(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  get #isCongested(): boolean {
    return this.#stream.writableLength >= CONGESTED;
  }

  #next(): Task | undefined {
    if (this.#sooner.length === 0) {
      this.#sooner = this.#later.reverse();
      this.#later = [];
    }
    return this.#sooner.pop();
  }

  #goOn(): void {
    while (this.#isBroken || !this.#isCongested) {
      const task = this.#next();
      if (task === undefined) break;
      if (!this.#isBroken) task.run();
      task.release();
    }
    if (this.#pending > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

/**
 * Holds an exit status back until everything is written. When nobody reads stdout any more, the source ends, with the status
 * of the signal that ends every other program there; what else can happen to stdout is a failure.
 */
export function whenWritten(
  stdout: Writer,
  ...others: readonly Writer[]
): MonoTypeOperatorFunction<number> {
  const broken$ = stdout.broken$.pipe(
    map((error) => (hasCode(error, 'EPIPE') ? BROKEN_PIPE_STATUS : FAILURE_STATUS)),
  );
  return (status$) => {
    const written$ = status$.pipe(
      concatMap(async (status) => {
        await Promise.all([stdout, ...others].map((writer) => writer.flushed()));
        return status;
      }),
    );
    return merge(written$, broken$).pipe(take(1));
  };
}
