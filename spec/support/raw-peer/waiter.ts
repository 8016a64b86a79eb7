/** Waiting for something to happen, with a deadline: looks again whenever it is woken. */

/** Milliseconds within which the other end has to react. */
export const DEADLINE = 5_000;

/** Those who wait for one thing to change. */
export class Waiter {
  #waiting: (() => void)[] = [];

  /** Something has changed. */
  wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /**
   * Waits until `look` finds something.
   *
   * @param what - how the error calls it
   * @param look - returns `undefined` for "not yet"; may throw to give up
   * @param milliseconds - after which it is an error
   */
  async until<T>(what: string, look: () => T | undefined, milliseconds = DEADLINE): Promise<T> {
    const found = look();
    if (found !== undefined) return found;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      abort.abort();
      this.wake();
    }, milliseconds);
    try {
      for (;;) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        const later = look();
        if (later !== undefined) return later;
        if (abort.signal.aborted)
          throw new Error(`${what} did not come within ${String(milliseconds)} ms`);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
