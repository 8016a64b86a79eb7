/** Time that passes when a spec says so. */
import { VirtualTimeScheduler } from 'rxjs';
import { turn } from './embedded.ts';

/** A scheduler for transports and wires. */
export class Clock extends VirtualTimeScheduler {
  /** Lets time pass, and whatever it brings happen. */
  async pass(milliseconds: number): Promise<void> {
    await turn();
    const end = this.frame + milliseconds;
    for (;;) {
      const next = this.actions[0];
      if (next === undefined || next.delay > end) break;
      this.maxFrames = next.delay;
      this.flush();
      // what a timer has led to may need the microtasks of other parts, and may set timers of its own
      await turn();
    }
    this.frame = end;
  }
}
