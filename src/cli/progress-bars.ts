/** Progress of transfers on a terminal: a bar for each file that is under way, and a line for each that is done. */
import { Writable } from 'node:stream';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { TransferProgress } from '../node.ts';
import type { CliOutput } from './io.ts';
import { shownName } from './sftp-connection.ts';
import { sizeInUnits } from './sftp-disk-free.ts';

const FORMAT = '{name} {bar} {percentage}% {size} {rate} {eta_formatted}';
const BAR_WIDTH = 20;
/** Columns of everything that is no name. */
const OTHER_COLUMNS = BAR_WIDTH + 32;
const LEAST_NAME = 12;
const DEFAULT_COLUMNS = 80;
const SIZE_WIDTH = 8;
const RATE_WIDTH = 10;
const SECOND = 1000;

/** The bars of one command. */
export class ProgressBars {
  /** For all other text that is written meanwhile: it stands above the bars. */
  readonly output: CliOutput;
  readonly #stderr: CliOutput;
  readonly #began = new Map<string, number>();
  readonly #files = new Map<string, SingleBar>();
  #bars: MultiBar | undefined;

  constructor(stderr: CliOutput) {
    this.#stderr = stderr;
    this.output = new Writable({
      decodeStrings: false,
      write: (text: string, _, done) => {
        this.#write(text);
        done();
      },
    });
  }

  show(progress: TransferProgress): void {
    const key = progress.target.text;
    switch (progress.state) {
      case 'started':
        this.#began.set(key, performance.now());
        return;
      case 'running':
        this.#draw(key, progress);
        return;
      case 'done':
        this.#write(`${this.#doneLine(key, progress)}\n`);
        this.#forget(key);
        return;
      case 'failed':
      case 'skipped':
        this.#forget(key);
    }
  }

  /** Takes the bars away; they come again with the next file. */
  end(): void {
    // what was to stand above the bars is written
    this.#bars?.update();
    this.#bars?.stop();
    this.#bars = undefined;
    this.#files.clear();
    this.#began.clear();
  }

  #write(text: string): void {
    if (this.#bars === undefined) this.#stderr.write(text);
    else this.#bars.log(text);
  }

  #draw(key: string, progress: TransferProgress): void {
    const { bytes, total = bytes, rate } = progress;
    const most = Math.max(1, bytes, total);
    const shown = { name: this.#name(progress), ...amounts(bytes, rate) };
    const known = this.#files.get(key);
    if (known === undefined) {
      this.#bars ??= this.#newBars();
      this.#files.set(key, this.#bars.create(most, bytes, shown));
      return;
    }
    known.setTotal(most);
    known.update(bytes, shown);
  }

  #doneLine(key: string, progress: TransferProgress): string {
    const { bytes, rate } = progress;
    const began = this.#began.get(key) ?? performance.now();
    const seconds = ((performance.now() - began) / SECOND).toFixed(1);
    const { size, rate: shownRate } = amounts(bytes, rate);
    return `${this.#name(progress)} ${size} ${shownRate} ${seconds}s`;
  }

  #forget(key: string): void {
    this.#began.delete(key);
    const file = this.#files.get(key);
    if (file === undefined) return;
    this.#files.delete(key);
    this.#bars?.remove(file);
  }

  /** In a column of its own; of a long one, the end. */
  #name({ file }: TransferProgress): string {
    const { columns = 0 } = this.#stderr;
    const width = Math.max(LEAST_NAME, (columns > 0 ? columns : DEFAULT_COLUMNS) - OTHER_COLUMNS);
    const name = Array.from(shownName(file));
    const kept = name.length > width ? ['…', ...name.slice(1 - width)] : name;
    return kept.join('').padEnd(width);
  }

  #newBars(): MultiBar {
    return new MultiBar({
      format: FORMAT,
      barsize: BAR_WIDTH,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      stream: this.#stderr,
      hideCursor: true,
      clearOnComplete: true,
      // a line above them moves them
      forceRedraw: true,
      gracefulExit: false,
    });
  }
}

function amounts(bytes: number, rate: number): { readonly size: string; readonly rate: string } {
  return {
    size: sizeInUnits(bytes).padStart(SIZE_WIDTH),
    rate: `${sizeInUnits(Math.round(rate))}/s`.padStart(RATE_WIDTH),
  };
}
