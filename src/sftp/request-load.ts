/** How much of a client's requests is in memory: beyond a limit its channel is not read on. */
import type { MonoTypeOperatorFunction } from 'rxjs';
import { holdCredit, type Release } from '../operators/credit.ts';
import { lift } from '../operators/lift.ts';

/** 4 MiB: sixteen of the largest WRITEs. A client whose requests are small is stopped by their number. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Holds the channel's credit while the requests at work are too large together: a packet that came in pieces has given the
 * credit of all but its last piece back.
 */
export class RequestLoad {
  #bytes = 0;
  readonly #held: Release[] = [];

  /** Stands in front of the framing. */
  gate(): MonoTypeOperatorFunction<Uint8Array> {
    return lift((out) => ({
      next: (chunk) => {
        out.next(chunk);
        if (this.#bytes > MOST_BYTES) this.#held.push(holdCredit());
      },
      teardown: () => this.#release(),
    }));
  }

  /** A request has come. */
  begin(bytes: number): void {
    this.#bytes += bytes;
  }

  /** It was answered. */
  end(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes <= MOST_BYTES) this.#release();
  }

  #release(): void {
    for (const release of this.#held.splice(0)) release();
  }
}
