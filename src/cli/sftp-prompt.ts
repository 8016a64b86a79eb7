/** Lines that a person types: with a prompt, history and completion. */
import { createInterface, type Interface } from 'node:readline';
import { Observable, type Subscription } from 'rxjs';
import { fromPull } from '../node.ts';
import type { CliIo } from './io.ts';

/** What stands in front of a line. */
export const PROMPT = 'sftp> ';

/** What could stand in place of the last part of a line, and that part. */
export type Completion = readonly [candidates: readonly string[], part: string];

const HISTORY = 1_000;

/**
 * Lines as a person types them. Cold, with credit: the next one is asked for when the one before is done with. In between the
 * terminal is as any program finds it, so that the interrupt key is a signal and a shell can have it. Completes at the end
 * of the input. Unsubscribing restores the terminal.
 *
 * @param complete - emits what a line that was begun could be
 */
export function typedLines(
  { stdin, stdout }: CliIo,
  complete: (line: string) => Observable<Completion>,
): Observable<string> {
  return new Observable((out) => {
    let completing: Subscription | undefined;
    const reader = createInterface({
      input: stdin,
      output: stdout,
      terminal: true,
      prompt: PROMPT,
      historySize: HISTORY,
      removeHistoryDuplicates: true,
      completer: (line: string, answer: (error: null, completion: [string[], string]) => void) => {
        completing = complete(line).subscribe(([candidates, part]) =>
          answer(null, [[...candidates], part]),
        );
      },
    });
    out.add(fromPull(new Lines(reader, { stdin, stdout })).subscribe(out));
    out.add(() => {
      completing?.unsubscribe();
      reader.close();
    });
  });
}

/** One line when it is asked for; what was pasted behind it waits. */
class Lines implements AsyncIterableIterator<string> {
  readonly #reader: Interface;
  readonly #input: CliIo['stdin'];
  readonly #output: CliIo['stdout'];
  readonly #waiting: string[] = [];
  #isClosed = false;
  #answer: ((result: IteratorResult<string>) => void) | undefined;

  constructor(reader: Interface, { stdin, stdout }: Pick<CliIo, 'stdin' | 'stdout'>) {
    this.#reader = reader;
    this.#input = stdin;
    this.#output = stdout;
    this.#suspend();
    reader.on('line', (line) => {
      this.#suspend();
      this.#waiting.push(line);
      this.#give();
    });
    reader.on('SIGINT', () => this.#forget());
    reader.on('close', () => {
      this.#isClosed = true;
      if (this.#answer !== undefined) this.#output.write('\n');
      this.#give();
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<string>> {
    return new Promise((resolve) => {
      this.#answer = resolve;
      if (this.#waiting.length === 0 && !this.#isClosed) this.#ask();
      else this.#give();
    });
  }

  #give(): void {
    const answer = this.#answer;
    if (answer === undefined) return;
    this.#answer = undefined;
    const value = this.#waiting.shift();
    answer(value === undefined ? { value, done: true } : { value, done: false });
  }

  #ask(): void {
    this.#input.setRawMode?.(true);
    this.#reader.prompt();
  }

  #suspend(): void {
    this.#reader.pause();
    this.#input.setRawMode?.(false);
  }

  /** The interrupt key takes back what was typed. */
  #forget(): void {
    this.#output.write('\n');
    this.#reader.write(null, { ctrl: true, name: 'e' });
    this.#reader.write(null, { ctrl: true, name: 'u' });
  }
}
