/** How far a command on many hosts has come: a line on the terminal, below whatever else is written there. */
import { escapeText, type FleetEvent } from '../node.ts';
import type { CliOutput, Messages, StatusLine } from './io.ts';

const CLEAR_LINE = '\r\u001b[K';
const DEFAULT_COLUMNS = 80;

/** Shows how many hosts are done. */
export class Progress implements StatusLine {
  readonly #stderr: CliOutput;
  readonly #hosts: number;
  readonly #messages: Messages;
  #done = 0;
  #failed = 0;
  #last = '';

  constructor(stderr: CliOutput, hosts: number, messages: Messages) {
    this.#stderr = stderr;
    this.#hosts = hosts;
    this.#messages = messages;
    messages.setStatusLine(this);
  }

  see({ host, event }: FleetEvent): void {
    if ('data' in event) return;
    this.#last = host;
    if (event.type === 'done') this.#done++;
    if (event.type === 'error' || (event.type === 'exit' && !isGood(event.exit))) this.#failed++;
    this.#messages.redraw();
  }

  clear(): void {
    this.#stderr.write(CLEAR_LINE);
  }

  draw(): void {
    const failed = this.#failed === 0 ? '' : `, ${String(this.#failed)} failed`;
    const text = `[${String(this.#done)}/${String(this.#hosts)}${failed}] ${escapeText(this.#last)}`;
    const columns = this.#stderr.columns ?? DEFAULT_COLUMNS;
    this.#stderr.write(`${CLEAR_LINE}${text.slice(0, columns - 1)}`);
  }

  end(): void {
    this.#messages.setStatusLine(undefined);
  }
}

function isGood(exit: { readonly kind: string; readonly status?: number }): boolean {
  return exit.kind === 'status' && exit.status === 0;
}
