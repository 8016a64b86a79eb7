/** The duplex under a transport, from the first byte to the goodbye. */
import { type SchedulerLike, Subscription } from 'rxjs';
import type { ByteDuplex } from './byte-duplex.ts';
import { after } from './deadline.ts';

/** How long, in milliseconds, the peer may take to close its side once ours is ended. */
const LINGER = 100;

/** Reads a duplex and lets it go. */
export class DuplexLife {
  readonly #duplex: ByteDuplex;
  readonly #scheduler: SchedulerLike;
  readonly #subscription = new Subscription();

  constructor(duplex: ByteDuplex, scheduler: SchedulerLike) {
    this.#duplex = duplex;
    this.#scheduler = scheduler;
  }

  /**
   * Begins to read.
   *
   * @param received - takes chunks, which are borrowed
   * @param lost - called when the peer's side ends, with the error if there was one
   */
  start(received: (chunk: Uint8Array) => void, lost: (cause: unknown) => void): void {
    this.#subscription.add(
      this.#duplex.readable$.subscribe({
        next: received,
        error: lost,
        complete: () => lost(undefined),
      }),
    );
  }

  /** Ends our side behind what was written, and lets go when the peer has ended its own, or does not within 100 ms. */
  end(): void {
    this.#duplex.end();
    this.#subscription.add(after(LINGER, () => this.destroy(), this.#scheduler));
  }

  /** Lets go at once. */
  destroy(): void {
    this.#subscription.unsubscribe();
    this.#duplex.destroy();
  }
}
