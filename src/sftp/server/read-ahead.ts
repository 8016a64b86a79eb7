/** How far a session reads ahead of its client. */
import { Observable, type Subscriber } from 'rxjs';
import { outsideDelivery } from '../../operators/credit.ts';
import { Fifo } from '../../wire/fifo.ts';

/** 1 MiB: what waits behind a full window is memory, and no answer comes sooner for it; behind a free one the kernel has it. */
const MOST_BYTES = 1024 * 1024;

/** A READ that waits for its turn. */
interface Turn {
  readonly bytes: number;
  readonly out: Subscriber<() => void>;
}

/** Bounds what READs have in memory: a client may ask for 16 MiB in one packet of its channel. */
export class ReadAhead {
  readonly #waiting = new Fifo<Turn>();
  #bytes = 0;
  #isHandingOut = false;

  /**
   * Waits until there is room for so many bytes, in the order of asking. Emits once what to call when the client has taken them,
   * or when they will not come, and completes.
   */
  turn(bytes: number): Observable<() => void> {
    return new Observable((out) => {
      this.#waiting.push({ bytes, out });
      this.#handOut();
    });
  }

  /** A loop, not a recursion: a file that is in memory is read at once. */
  #handOut(): void {
    if (this.#isHandingOut) return;
    this.#isHandingOut = true;
    for (let turn = this.#waiting.peek(); turn !== undefined; turn = this.#waiting.peek()) {
      if (this.#bytes > 0 && this.#bytes + turn.bytes > MOST_BYTES) break;
      this.#waiting.shift();
      this.#begin(turn);
    }
    this.#isHandingOut = false;
  }

  #begin({ bytes, out }: Turn): void {
    if (out.closed) return;
    this.#bytes += bytes;
    outsideDelivery(() => {
      out.next(() => {
        this.#bytes -= bytes;
        this.#handOut();
      });
      out.complete();
    });
  }
}
