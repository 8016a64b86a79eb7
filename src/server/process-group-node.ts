/** The process group that a child process leads: the child, and all that it has started. */

import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';

/** Signals for a group, and its end. */
export class ProcessGroup {
  readonly #leader: number;
  #deadline: NodeJS.Timeout | undefined;
  #hasEnded = false;

  /** @param leader - process id, which is the group's too */
  constructor(leader: number) {
    this.#leader = leader;
  }

  /** Sends a signal; `false` when nobody of the group is left. Signal 0 only asks. */
  signal(signal: NodeJS.Signals | 0): boolean {
    // a child that was forked this moment does not lead its group yet
    return send(-this.#leader, signal) || (!this.#hasEnded && send(this.#leader, signal));
  }

  /**
   * Asks the group to end (TERM), and kills what is left of it later.
   *
   * @param grace - milliseconds between the two
   */
  end(grace: number): void {
    if (!this.signal('SIGTERM')) return;
    // a stopped process hears TERM only when it goes on
    this.signal('SIGCONT');
    // not unreferenced: a process that ends now must not leave behind what it has promised to kill
    this.#deadline = setTimeout(() => this.signal('SIGKILL'), Math.min(grace, LONGEST_DELAY));
  }

  /** The leader has ended: a number that nobody uses can become another group's. */
  leaderEnded(): void {
    this.#hasEnded = true;
    if (!this.signal(0)) clearTimeout(this.#deadline);
  }
}

function send(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false;
  }
}
