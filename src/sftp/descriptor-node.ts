/** The number of an open file, and when it may be given back. */
import { close, closeSync } from 'node:fs';
import { GatheredWrites } from './gathered-writes-node.ts';
import { QUICK_BYTES, quickly } from './quick-calls-node.ts';

/** Is called once, with an error or `null`. */
type Done = (error: Error | null) => void;

/**
 * A descriptor. What was asked of the kernel cannot be called back, and the number soon is another file's: so it is closed
 * behind the work that is under way.
 */
export class Descriptor {
  readonly fd: number;
  readonly #isQuick: boolean;
  readonly #writes: GatheredWrites;
  #working = 0;
  #written = 0;
  #closed: Done | undefined;

  /**
   * @param fd - closed by `close` and by nobody else
   * @param isQuick - is it on a disk that answers at once?
   */
  constructor(fd: number, isQuick = false) {
    this.fd = fd;
    this.#isQuick = isQuick;
    this.#writes = new GatheredWrites(fd, isQuick);
  }

  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Is what is done with the file at its end done at once? */
  get isQuick(): boolean {
    return this.#isQuick && this.#written <= QUICK_BYTES;
  }

  /** Does work with the descriptor, unless it is closed already, and tells what comes of it. */
  during<T extends readonly unknown[], R>(
    told: (...result: T) => void,
    work: (done: (...result: T) => void) => R,
  ): R | undefined {
    if (this.isClosed) return undefined;
    this.#working++;
    return work((...result) => {
      this.#working--;
      this.#closeWhenIdle();
      told(...result);
    });
  }

  /** Writes, as {@link GatheredWrites} does. */
  write(
    bytes: Uint8Array,
    position: number,
    written: (error: unknown) => void,
  ): (() => void) | undefined {
    this.#written += bytes.length;
    return this.during(written, (done) => this.#writes.write(bytes, position, done));
  }

  /** To be called once. What could not be written may be told only now. */
  close(closed: Done): void {
    this.#closed = closed;
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    if (this.#closed === undefined || this.#working > 0) return;
    quickly(
      () => closeSync(this.fd),
      (later) => close(this.fd, later),
      this.#closed,
      this.isQuick,
    );
  }
}
