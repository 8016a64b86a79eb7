/** Output of many hosts as lines that say whose they are. */

const NEWLINE = 0x0a;
/** A longer line is shown in pieces: this is what each host may have waiting for its end. */
const MAX_LINE = 64 * 1024;

/** The lines of one stream of each host. */
export class LinePrefixer {
  readonly #write: (bytes: Uint8Array) => void;
  /** The beginning of a line whose end has not come, by the host's index. */
  readonly #waiting = new Map<number, Uint8Array>();

  /** @param write - receives whole lines, all of a chunk at once */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  push(index: number, host: string, data: Uint8Array): void {
    const bytes = join([this.#waiting.get(index) ?? new Uint8Array(0), data]);
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline < 0 ? bytes.length : newline + 1;
      if (newline < 0 && end - start < MAX_LINE) break;
      pieces.push(prefix(host), bytes.subarray(start, end), ...(newline < 0 ? [LINE_END] : []));
      start = end;
    }
    this.#waiting.set(index, bytes.slice(start));
    if (pieces.length > 0) this.#write(join(pieces));
  }

  /** Nothing more comes from this host: its last line need not have an end. */
  end(index: number, host: string): void {
    const rest = this.#waiting.get(index);
    this.#waiting.delete(index);
    if (rest !== undefined && rest.length > 0) this.#write(join([prefix(host), rest, LINE_END]));
  }
}

const LINE_END = new Uint8Array([NEWLINE]);

function prefix(host: string): Uint8Array {
  return Buffer.from(`${host}: `);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(pieces);
}
