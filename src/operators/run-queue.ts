/**
 * The run-to-completion queue of a connection: cutting a packet, carrying out an effect, a local command are tasks on it, each
 * run to its end before the next begins. It loops and never recurses, whatever a task queues.
 */
import { outsideDelivery } from './credit.ts';

/** Tasks of one connection, one after the other. */
export class RunQueue {
  #tasks: (() => void)[] = [];
  #isRunning = false;
  #whenIdle: readonly (() => void)[] = [];
  readonly #failed: (thrown: unknown) => void;

  /** @param failed - receives what a task throws; the tasks behind it still run. Without it, it is thrown on. */
  constructor(failed: (thrown: unknown) => void = rethrow) {
    this.#failed = failed;
  }

  /** Runs a task now, or behind those that are running and waiting. Tasks run outside of any delivery. */
  run(task: () => void): void {
    this.#tasks.push(task);
    if (!this.#isRunning) outsideDelivery(() => this.#loop());
  }

  /** Calls `settle` each time the queue has run dry: the moment at which what was gathered is written out. */
  onIdle(settle: () => void): void {
    this.#whenIdle = [...this.#whenIdle, settle];
  }

  #loop(): void {
    this.#isRunning = true;
    try {
      for (;;) {
        this.#runAll();
        for (const settle of this.#whenIdle) this.#runOne(settle);
        if (this.#tasks.length === 0) break;
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #runAll(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) this.#runOne(task);
    }
  }

  #runOne(task: () => void): void {
    try {
      task();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}

function rethrow(thrown: unknown): never {
  throw thrown;
}
