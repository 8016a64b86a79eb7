/** What the demo shows: plain lines, and below them, on a terminal, one line of progress that is written again and again. */
import type { FleetEvent } from 'rxssh';
import { describeExit, escapeText } from 'rxssh';

const WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

/** Standard output, and a line of progress where it is a terminal. */
export class Screen {
  readonly #out: NodeJS.WriteStream = process.stdout;
  #progress = '';

  line(text = ''): void {
    if (!this.#out.isTTY) {
      this.#out.write(`${text}\n`);
      return;
    }
    this.#out.write(`${CLEAR_LINE}${text}\n${this.#progress}`);
  }

  /** Output of a host, set apart; its control characters are shown, not obeyed. */
  block(output: string): void {
    const text = output.trimEnd();
    if (text === '') return;
    for (const line of text.split('\n')) this.line(`    ${escapeText(line)}`);
  }

  title(text: string): void {
    this.line();
    this.line(`== ${text}`);
  }

  /** On a terminal only: a pipe or a log wants lines. */
  progress(done: number, all: number, what: string): void {
    if (!this.#out.isTTY) return;
    const filled = Math.round((WIDTH * done) / all);
    const bar = `${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}`;
    const text = `[${bar}] ${String(done)}/${String(all)} ${what}`;
    this.#progress = text.slice(0, this.#out.columns - 1);
    this.#out.write(`${CLEAR_LINE}${this.#progress}`);
  }

  endProgress(): void {
    if (this.#progress !== '') this.#out.write(CLEAR_LINE);
    this.#progress = '';
  }
}

/** An event as a line of text; `undefined` for what needs none. */
export function describe({ event }: FleetEvent): string | undefined {
  switch (event.type) {
    case 'started':
      return event.attempt === 1 ? 'started' : `started, attempt ${String(event.attempt)}`;
    case 'exit':
      return `the command ${describeExit(event.exit)}`;
    case 'error':
      return `failed (${event.error.kind}): ${escapeText(event.error.message, 200)}`;
    case 'done':
      return `done after ${(event.milliseconds / 1000).toFixed(2)} s`;
    default:
      return undefined;
  }
}
