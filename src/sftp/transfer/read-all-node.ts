import { read, readSync } from 'node:fs';
import { Observable, type Subscriber } from 'rxjs';
import { deliver, outsideDelivery } from '../../operators/credit.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import type { ReadRange } from '../client/file-reader.ts';
import type { Descriptor } from '../descriptor-node.ts';
import { LARGEST_DATA } from '../packets.ts';
import { QUICK_BYTES, quickly, type Told } from '../quick-calls-node.ts';

/**
 * The bytes of an open file, in pieces that are borrowed: the next one comes in the same memory, when the credit is back. What
 * cannot be read errors as it is, and with where; a file that is closed meanwhile gives nothing more.
 *
 * @param isLocal - is it on a disk of this machine? The beginning of a small file is then read at once.
 * @param errorOf - the error of a call, and the position that was to be read
 */
export function readAll(
  descriptor: Descriptor,
  range: ReadRange,
  isLocal: boolean,
  errorOf: (error: Error, position: number) => Error,
): ByteStream {
  return new Observable((out) => {
    new Reading(descriptor, range, isLocal, errorOf, out).goOn();
  });
}

class Reading {
  readonly #descriptor: Descriptor;
  readonly #isLocal: boolean;
  readonly #errorOf: (error: Error, position: number) => Error;
  readonly #out: Subscriber<Uint8Array>;
  readonly #start: number;
  readonly #end: number;
  readonly #expected: number | undefined;
  readonly #buffer: Uint8Array;
  #position: number;
  #isAtEnd: boolean;

  constructor(
    descriptor: Descriptor,
    { start = 0, end = Number.MAX_SAFE_INTEGER, expected }: ReadRange,
    isLocal: boolean,
    errorOf: (error: Error, position: number) => Error,
    out: Subscriber<Uint8Array>,
  ) {
    this.#descriptor = descriptor;
    this.#isLocal = isLocal;
    this.#errorOf = errorOf;
    this.#out = out;
    this.#start = start;
    this.#end = end;
    this.#expected = expected;
    this.#position = start;
    this.#isAtEnd = start === end;
    // one byte more than there should be tells the end
    const likely = Math.min(end, expected ?? end) - start + 1;
    this.#buffer = new Uint8Array(Math.max(1, Math.min(LARGEST_DATA, likely)));
  }

  /** Reads on. */
  readonly goOn = (): void => {
    if (this.#out.closed) return;
    if (this.#isAtEnd) this.#out.complete();
    else this.#descriptor.during(this.#arrived, this.#readNext);
  };

  readonly #readNext = (done: Told<number>): void => {
    const { fd } = this.#descriptor;
    const buffer = this.#buffer;
    const position = this.#position;
    const length = Math.min(buffer.length, this.#end - position);
    // not each of many: every one would be called from within the one before, and what is read faster than it leaves piles up
    const isQuick = this.#isLocal && position === this.#start && length <= QUICK_BYTES;
    quickly(
      () => readSync(fd, buffer, 0, length, position),
      (told) => read(fd, buffer, 0, length, position, (error, count) => told(error, count)),
      done,
      isQuick,
    );
  };

  readonly #arrived: Told<number> = (error, count) => {
    const out = this.#out;
    if (out.closed) return;
    if (error !== null) {
      out.error(this.#errorOf(error, this.#position));
      return;
    }
    const buffer = this.#buffer;
    this.#position += count;
    this.#isAtEnd =
      count === 0 ||
      this.#position === this.#end ||
      (count < buffer.length && this.#position === this.#expected);
    if (count === 0) out.complete();
    else
      deliver(
        out,
        buffer.subarray(0, count),
        () => outsideDelivery(this.goOn),
        'until-acknowledged',
      );
  };
}
