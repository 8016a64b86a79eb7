/** Output of many hosts as lines that say whose they are. */

const NEWLINE = 0x0a;
/** A longer line is shown in pieces: this is what each host may have waiting for its end. */
const MAX_LINE = 64 * 1024;
const EMPTY = new Uint8Array(0);

/** The beginning of a line whose end has not come, in memory that has room for more. */
interface Waiting {
  room: Uint8Array;
  length: number;
}

/** The lines of one stream of each host. */
export class LinePrefixer {
  readonly #write: (bytes: Uint8Array) => void;
  /** By the host's index. */
  readonly #waiting = new Map<number, Waiting>();

  /** @param write - receives whole lines */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  push(index: number, host: string, data: Uint8Array): void {
    const end = data.lastIndexOf(NEWLINE) + 1;
    if (end > 0) this.#write(withPrefixes(host, this.#take(index), data.subarray(0, end)));
    if (end < data.length && this.#wait(index, data.subarray(end)) >= MAX_LINE)
      this.end(index, host);
  }

  /** Nothing more comes from this host: its last line need not have an end. */
  end(index: number, host: string): void {
    const rest = this.#take(index);
    if (rest.length > 0) this.#write(Buffer.concat([Buffer.from(`${host}: `), rest, LINE_END]));
  }

  /** What waits, which waits no longer. */
  #take(index: number): Uint8Array {
    const waiting = this.#waiting.get(index);
    this.#waiting.delete(index);
    return waiting?.room.subarray(0, waiting.length) ?? EMPTY;
  }

  /** Copies, as a chunk must not be kept alive; returns how many bytes wait. */
  #wait(index: number, bytes: Uint8Array): number {
    const waiting = this.#waiting.get(index) ?? { room: EMPTY, length: 0 };
    const { room, length } = waiting;
    if (length + bytes.length > room.length) {
      waiting.room = new Uint8Array(2 * (length + bytes.length));
      waiting.room.set(room.subarray(0, length));
    }
    waiting.room.set(bytes, length);
    waiting.length += bytes.length;
    this.#waiting.set(index, waiting);
    return waiting.length;
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
