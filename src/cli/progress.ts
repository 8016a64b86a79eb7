/** A line of progress on a terminal, below whatever else is written there. */
import type { FleetEvent } from '../node.ts';
import { escapeText } from '../node.ts';
import type { CliOutput, Messages } from './io.ts';

const CLEAR_LINE = '\r\u001b[K';
const DEFAULT_COLUMNS = 80;

/** Shows how many hosts are done. */
export class Progress {
  readonly #stderr: CliOutput;
  readonly #hosts: number;
  #done = 0;
  #failed = 0;
  #last = '';

  /** @param messages - get the line out of their way */
  constructor(stderr: CliOutput, hosts: number, messages: Messages) {
    this.#stderr = stderr;
    this.#hosts = hosts;
    messages.arrange((write) => {
      this.clear();
      write();
      this.#draw();
    });
  }

  see({ host, event }: FleetEvent): void {
    if (event.type === 'stdout' || event.type === 'stderr') return;
    this.#last = host;
    if (event.type === 'done') this.#done++;
    if (event.type === 'error' || (event.type === 'exit' && !isGood(event.exit))) this.#failed++;
    this.#draw();
  }

  clear(): void {
    this.#stderr.write(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#done === this.#hosts) {
      this.clear();
      return;
    }
    const failed = this.#failed === 0 ? '' : `, ${String(this.#failed)} failed`;
    const text = `[${String(this.#done)}/${String(this.#hosts)}${failed}] ${escapeText(this.#last)}`;
    const columns = this.#stderr.columns ?? DEFAULT_COLUMNS;
    this.#stderr.write(`${CLEAR_LINE}${text.slice(0, columns - 1)}`);
  }
}

function isGood(exit: { readonly kind: string; readonly status?: number }): boolean {
  return exit.kind === 'status' && exit.status === 0;
}
