/** How often a peer may ask for new keys: an exchange costs both sides the same little, and one side of a server a thousand times. */

/** Exchanges that a peer may ask for at once. */
const MOST = 100;
/** Milliseconds after which it may ask once more. */
const INTERVAL = 1000;
/** Bytes, either way, after which it may ask once more: OpenSSH, told to, asks with each full packet. */
const VOLUME = 32 * 1024;

/** Counts the exchanges that the peer has asked for, against the time and the bytes since. */
export class RekeyBudget {
  #left = MOST;
  #last: number;

  /** @param now - the time, in milliseconds */
  constructor(now: number) {
    this.#last = now;
  }

  /**
   * The peer asks for new keys: may it?
   *
   * @param now - the time, in milliseconds
   * @param bytes - what has passed, either way, since the last exchange
   */
  spend(now: number, bytes: number): boolean {
    const earned = (now - this.#last) / INTERVAL + bytes / VOLUME;
    this.#left = Math.min(MOST, this.#left + Math.max(0, earned)) - 1;
    this.#last = now;
    return this.#left >= 0;
  }
}
