/** Bytes to a standard stream, at its pace, and how it ends. */
import { fromEvent, map, type Observable, take } from 'rxjs';
import { holdCredit } from '../node.ts';
import type { CliOutput } from './io.ts';

/** Writes to a stream; whoever has sent the bytes gets the credit back when they are written. */
export class Writer {
  readonly #stream: CliOutput;
  #pending = 0;
  #idle: (() => void)[] = [];

  constructor(stream: CliOutput) {
    this.#stream = stream;
    // nobody who writes wants to hear of a reader that has gone; `broken$` tells those who do
    stream.on('error', () => undefined);
  }

  /** Emits when the reader of the stream has gone (EPIPE), or it fails otherwise. */
  get broken$(): Observable<Error> {
    return fromEvent(this.#stream, 'error').pipe(
      take(1),
      map((error) => error as Error),
    );
  }

  write(bytes: Uint8Array | string): void {
    const release = holdCredit();
    this.#pending++;
    this.#stream.write(bytes, () => {
      release();
      this.#pending--;
      if (this.#pending > 0) return;
      const idle = this.#idle;
      this.#idle = [];
      for (const resolve of idle) resolve();
    });
  }

  /** Resolves when everything is written. */
  async flushed(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
