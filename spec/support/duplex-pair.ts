/** Two Node streams that talk to each other. */
import { Duplex } from 'node:stream';

/** One end; what is written to it is read from the other. */
class End extends Duplex {
  other: End | undefined;
  #written: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed) callback();
    else if (other.push(chunk)) callback();
    else other.#written = callback;
  }

  override _final(callback: () => void): void {
    if (this.other?.destroyed === false) this.other.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    // who has ended in good order leaves it to the other to read to the end
    if (other?.destroyed === false && !this.writableFinished) other.destroy();
    callback(error);
  }
}

/** Makes a pair. */
export function nodeStreamPair(): readonly [Duplex, Duplex] {
  const one = new End();
  const other = new End();
  one.other = other;
  other.other = one;
  return [one, other];
}
