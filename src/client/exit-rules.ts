/** What the end of a command means to a stream that drops the exit event: half a dump must never look whole. */
import { escapeText, type Exit, SshError } from '../errors.ts';
import { utf8Text } from '../wire/bytes.ts';
import type { ExecEvent } from './exec.ts';

/** How an operator takes an exit that is not status 0. */
export interface ExitOptions {
  /** Complete instead of erroring with `exit`. */
  readonly ignoreExit?: boolean;
}

/** How much of stderr the error shows. */
const TAIL = 4096;

/** Keeps the end of stderr and judges the exit. */
export class ExitWatch {
  readonly #ignoreExit: boolean;
  #tail: Uint8Array = new Uint8Array(0);

  constructor({ ignoreExit = false }: ExitOptions = {}) {
    this.#ignoreExit = ignoreExit;
  }

  /** Looks at an event. Throws `exit` for an exit that was not status 0. */
  see(event: ExecEvent): void {
    this.remember(event);
    if (event.type !== 'exit' || this.#ignoreExit) return;
    const { exit } = event;
    if (exit.kind === 'status' && exit.status === 0) return;
    throw this.error(exit);
  }

  /** Keeps what an error would show. */
  remember(event: ExecEvent): void {
    if (event.type === 'stderr' && !this.#ignoreExit) this.#keep(event.data);
  }

  /** The error of an exit. */
  error(
    exit: Exit,
    { what = 'the command', transient = false }: { what?: string; transient?: boolean } = {},
  ): SshError<'exit'> {
    const stderrTail = escapeText(utf8Text(this.#tail).trimEnd(), TAIL);
    return new SshError(
      'exit',
      `${what} ${describeExit(exit)}`,
      { exit, stderrTail },
      { transient },
    );
  }

  #keep(data: Uint8Array): void {
    const kept = new Uint8Array(Math.min(TAIL, this.#tail.length + data.length));
    const fromData = data.subarray(Math.max(0, data.length - TAIL));
    kept.set(this.#tail.subarray(this.#tail.length - (kept.length - fromData.length)));
    kept.set(fromData, kept.length - fromData.length);
    this.#tail = kept;
  }
}

/** An exit in words: `ended with status 7`. */
export function describeExit(exit: Exit): string {
  switch (exit.kind) {
    case 'status':
      return `ended with status ${String(exit.status)}`;
    case 'signal':
      return `was killed by signal ${exit.signal}`;
    case 'missing':
      return 'ended without an exit status';
  }
}
