/** What a session needs of a process, whatever it is run on: pipes, or a terminal. */
import type { Readable, Writable } from 'node:stream';
import type { WindowSize } from '../messages/channel-requests.ts';
import type { ExitResult } from './exit-result.ts';

/** What is run, and where. */
export interface ProcessCommand {
  /** The program that runs the command, or is the login shell itself. */
  readonly shell: string;
  /** Given to the shell by `-c`; `undefined` is a login shell. */
  readonly command: string | undefined;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A process that leads a process group of its own. */
export interface SessionProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** Says to the process that no more input comes. */
  endInput(): void;
  readonly stdout: Readable;
  /** `undefined` where it is one with stdout. */
  readonly stderr: Readable | undefined;
  /** The terminal has another size now. */
  resize?(size: WindowSize): void;
}

/** What becomes of a process; one of the two is called, once, never from within the call that starts it. */
export interface ProcessFate {
  exited(exit: ExitResult): void;
  /** It could not be started. */
  failed(error: unknown): void;
}
