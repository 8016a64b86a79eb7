/** Output of many hosts as lines that say whose they are. */

const NEWLINE = 0x0a;
/** A longer line is shown in pieces: this is what each host may have waiting for its end. */
const MAX_LINE = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** The lines of one stream of each host. */
export class LinePrefixer {
  readonly #write: (bytes: Uint8Array) => void;
  /** The beginning of a line whose end has not come, by the host's index. */
  readonly #waiting = new Map<number, Uint8Array>();

  /** @param write - receives whole lines */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  push(index: number, host: string, data: Uint8Array): void {
    const waiting = this.#waiting.get(index) ?? EMPTY;
    const end = data.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      this.#wait(index, host, Buffer.concat([waiting, data]));
      return;
    }
    this.#write(withPrefixes(host, waiting, data.subarray(0, end)));
    // a copy: the rest must not keep the whole chunk alive
    this.#waiting.set(index, data.slice(end));
  }

  /** Nothing more comes from this host: its last line need not have an end. */
  end(index: number, host: string): void {
    const rest = this.#waiting.get(index) ?? EMPTY;
    this.#waiting.delete(index);
    if (rest.length > 0) this.#write(Buffer.concat([Buffer.from(`${host}: `), rest, LINE_END]));
  }

  #wait(index: number, host: string, line: Uint8Array): void {
    this.#waiting.set(index, line);
    if (line.length >= MAX_LINE) this.end(index, host);
  }
}

const LINE_END = new Uint8Array([NEWLINE]);

/** Puts the host in front of each line, in one piece of memory of the right size. */
function withPrefixes(host: string, waiting: Uint8Array, lines: Uint8Array): Uint8Array {
  const prefix = Buffer.from(`${host}: `);
  let count = 0;
  for (const byte of lines) if (byte === NEWLINE) count++;
  const out = new Uint8Array(count * prefix.length + waiting.length + lines.length);
  out.set(prefix);
  out.set(waiting, prefix.length);
  let to = prefix.length + waiting.length;
  for (let from = 0; from < lines.length;) {
    const end = lines.indexOf(NEWLINE, from) + 1;
    if (from > 0) {
      out.set(prefix, to);
      to += prefix.length;
    }
    out.set(lines.subarray(from, end), to);
    to += end - from;
    from = end;
  }
  return out;
}
