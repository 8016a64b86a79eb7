/** What a command line program has around it. */
import type { Readable, Writable } from 'node:stream';
import type { Prompter } from './terminal.ts';

/** Standard streams, environment, and whoever sits at the terminal. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `undefined` where there is no terminal. */
  readonly terminal: Prompter | undefined;
}

/** A stream that is a terminal perhaps. */
export type CliOutput = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** How much is told on stderr. */
export interface Verbosity {
  readonly isQuiet: boolean;
  /** How often `-v` was given. */
  readonly level: number;
}

/** Tells the person something, on stderr. */
export class Messages {
  readonly #stderr: CliOutput;
  readonly #verbosity: Verbosity;
  #around: (write: () => void) => void = (write) => write();

  constructor(stderr: CliOutput, verbosity: Verbosity) {
    this.#stderr = stderr;
    this.#verbosity = verbosity;
  }

  /** Shown whatever `-q` says. */
  error(text: string): void {
    this.#write(text);
  }

  /** Not shown with `-q`. */
  notice(text: string): void {
    if (!this.#verbosity.isQuiet) this.#write(text);
  }

  /** Shown when `-v` was given at least `level` times. */
  verbose(level: number, text: string): void {
    if (this.#verbosity.level >= level) this.#write(text);
  }

  /** Writes something else to the terminal, where a line of progress may be in the way. */
  around(write: () => void): void {
    this.#around(write);
  }

  /** From now on every message is written by `around`. */
  arrange(around: (write: () => void) => void): void {
    this.#around = around;
  }

  isVerbose(level: number): boolean {
    return this.#verbosity.level >= level;
  }

  #write(text: string): void {
    this.#around(() => this.#stderr.write(`rxssh: ${text}\n`));
  }
}
