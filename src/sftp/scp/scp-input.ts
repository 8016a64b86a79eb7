/** What the other side of scp sends: lines and bytes of files, asked for one after the other. */
import { protocolError } from '../../errors.ts';
import { toAsyncIterable } from '../../operators/to-async-iterable.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { MAX_SCP_LINE } from './scp-protocol.ts';

const LF = 0x0a;
const NOTHING = new Uint8Array(0);

/** Reads a stream at the pace of whoever asks. */
export class ScpInput {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = NOTHING;

  constructor(bytes$: ByteStream) {
    this.#chunks = toAsyncIterable(bytes$)[Symbol.asyncIterator]();
  }

  /** A line without its end; `undefined` at the end of the stream. */
  async line(): Promise<Uint8Array | undefined> {
    let line: Uint8Array = NOTHING;
    for (;;) {
      const end = this.#rest.indexOf(LF);
      const found = this.#rest.subarray(0, end < 0 ? this.#rest.length : end);
      line = concatBytes([line, found]);
      if (line.length > MAX_SCP_LINE) throw protocolError('scp: a line without an end');
      this.#rest = this.#rest.subarray(found.length + (end < 0 ? 0 : 1));
      if (end >= 0) return line;
      if (!(await this.#more())) {
        if (line.length > 0) throw protocolError('scp ended in the middle of a line');
        return undefined;
      }
    }
  }

  /** The next bytes, at most that many; they are good until the next call. Throws `protocol` at the end of the stream. */
  async bytes(most: number): Promise<Uint8Array> {
    if (!(await this.#more())) throw protocolError('scp ended in the middle of a file');
    const bytes = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(bytes.length);
    return bytes;
  }

  /** An answer: `undefined` for yes, else why not. */
  async answer(): Promise<{ readonly isFatal: boolean; readonly message: string } | undefined> {
    const [code = 0] = await this.bytes(1);
    if (code === 0) return undefined;
    const line = (await this.line()) ?? NOTHING;
    return { isFatal: code !== 1, message: new TextDecoder().decode(line) };
  }

  /** Lets the stream go. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    // a chunk may be empty
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }
}
