/**
 * How many bytes of requests may be on their way at a time. Pure. One transfer begins with one request; each full answer lets
 * one more out, up to a first budget that is enough for any near server. From there it follows the way: what arrives in two of
 * the shortest round trips fills it however long it is, and a server that is slow for other reasons is not asked for more.
 */

/** Enough for 1 GiB/s at a round trip of 2 ms. */
const FIRST = 2 * 1024 * 1024;
/** Milliseconds over which the rate is taken at least. */
const SHORTEST_INTERVAL = 20;

/** The budget of one transfer. */
export class FlightBudget {
  readonly #most: number;
  #bytes: number;
  #shortestRoundTrip = Number.POSITIVE_INFINITY;
  #intervalStart: number | undefined;
  #intervalBytes = 0;

  /**
   * @param first - bytes of the first request
   * @param most - bytes that it never passes
   */
  constructor(first: number, most: number) {
    this.#bytes = first;
    this.#most = most;
  }

  /** Bytes that may be on their way now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A request was answered.
   *
   * @param bytes - that it carried or asked for
   * @param sentAt - in milliseconds
   * @param now - in milliseconds
   */
  answered(bytes: number, sentAt: number, now: number): void {
    this.#shortestRoundTrip = Math.min(this.#shortestRoundTrip, now - sentAt);
    if (this.#bytes < FIRST) {
      this.#grow(Math.min(this.#bytes + bytes, FIRST));
      return;
    }
    this.#intervalStart ??= now;
    this.#intervalBytes += bytes;
    const interval = now - this.#intervalStart;
    if (interval < Math.max(SHORTEST_INTERVAL, this.#shortestRoundTrip)) return;
    this.#grow(2 * this.#shortestRoundTrip * (this.#intervalBytes / interval));
    this.#intervalStart = now;
    this.#intervalBytes = 0;
  }

  #grow(wanted: number): void {
    this.#bytes = Math.max(this.#bytes, Math.min(wanted, this.#most));
  }
}
