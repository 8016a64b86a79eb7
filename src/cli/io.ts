/** What a command line program has around it. */
import type { Readable, Writable } from 'node:stream';
import type { Prompter } from './terminal.ts';

/** Standard streams, environment, and whoever sits at the terminal. */
export interface CliIo {
  readonly stdin: Readable & {
    readonly isTTY?: boolean;
    /** Whether the terminal is in raw mode. */
    readonly isRaw?: boolean;
    setRawMode?(isRaw: boolean): unknown;
  };
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
  /** Where what `-v` tells of connections goes instead. */
  readonly logFile?: string | undefined;
}

/** A line at the bottom of the terminal that has to make room for everything else. */
export interface StatusLine {
  clear(): void;
  draw(): void;
}

/** Tells the person something, on stderr. */
export class Messages {
  /** How much is told. */
  readonly verbosity: Verbosity;
  readonly #stderr: CliOutput;
  readonly #isRaw: () => boolean;
  #statusLine: StatusLine | undefined;
  #pauses = 0;

  /** @param isRaw - is the terminal in raw mode? Then the cursor goes back only when it is told to */
  constructor(stderr: CliOutput, verbosity: Verbosity, isRaw = (): boolean => false) {
    this.#isRaw = isRaw;
    this.#stderr = stderr;
    this.verbosity = verbosity;
  }

  /** Shown whatever `-q` says. */
  error(text: string): void {
    this.#write(text);
  }

  /** Not shown with `-q`. */
  notice(text: string): void {
    if (!this.verbosity.isQuiet) this.#write(text);
  }

  /** Shown when `-v` was given at least `level` times. */
  verbose(level: number, text: string): void {
    if (this.isVerbose(level)) this.#write(text);
  }

  isVerbose(level: number): boolean {
    return this.verbosity.level >= level;
  }

  /** From now on there is a status line, until it is taken away. */
  setStatusLine(line: StatusLine | undefined): void {
    this.#statusLine?.clear();
    this.#statusLine = line;
  }

  /** The status line has changed. */
  redraw(): void {
    if (this.#pauses === 0) this.#statusLine?.draw();
  }

  /** Writes something to the terminal where the status line may be in the way. */
  around(write: () => void): void {
    if (this.#pauses === 0) this.#statusLine?.clear();
    write();
    this.redraw();
  }

  /** No status line until the returned function is called: somebody is asked something. */
  pause(): () => void {
    if (this.#pauses === 0) this.#statusLine?.clear();
    this.#pauses++;
    return () => {
      this.#pauses--;
      this.redraw();
    };
  }

  #write(text: string): void {
    const end = this.#stderr.isTTY === true && this.#isRaw() ? '\r\n' : '\n';
    this.around(() => this.#stderr.write(`rxssh: ${text}${end}`));
  }
}
