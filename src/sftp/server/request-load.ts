/** How many of a client's requests are at work: beyond a limit its channel is not read on. */
import type { MonoTypeOperatorFunction } from 'rxjs';
import { holdCredit, keep, outsideDelivery, type Release } from '../../operators/credit.ts';
import { lift } from '../../operators/lift.ts';

/**
 * 2 MiB: eight of the largest WRITEs. A disk is no faster for more, and a server that is written to peaks 15 MiB higher with twice as
 * much (measured). A client whose requests are small is stopped by their number.
 */
const MOST_BYTES = 2 * 1024 * 1024;

/**
 * Holds the channel's credit while there are too many requests, or too large ones. Below that the credit goes back at once: a
 * channel gives out less without acknowledgement than two large WRITEs have, and the next ones shall be there when a file has
 * written the ones before.
 */
export class RequestLoad {
  readonly #limit: number;
  #requests = 0;
  #bytes = 0;
  readonly #held: Release[] = [];

  /** @param limit - requests at a time */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Stands in front of the framing. What it emits has no credit. */
  gate(): MonoTypeOperatorFunction<Uint8Array> {
    return lift((out) => ({
      next: (chunk) => {
        const kept = keep(chunk);
        outsideDelivery(() => out.next(kept));
        if (this.#isFull) this.#held.push(holdCredit());
      },
      teardown: () => this.#release(),
    }));
  }

  /** A request has come. */
  begin(bytes: number): void {
    this.#requests++;
    this.#bytes += bytes;
  }

  /** It was answered, and the client has taken the answer. */
  end(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    if (!this.#isFull) this.#release();
  }

  get #isFull(): boolean {
    return this.#requests >= this.#limit || this.#bytes > MOST_BYTES;
  }

  #release(): void {
    for (const release of this.#held.splice(0)) release();
  }
}
