/** Deadlines: no wait without an end. */
import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';

/** The error of a deadline that passed. */
export function timeoutError(phase: string, milliseconds: number): SshError<'timeout'> {
  return new SshError('timeout', `${phase}: no end within ${String(milliseconds)} ms`, {
    phase,
    milliseconds,
  });
}

/**
 * Calls `expired` once, `milliseconds` from now; 0 is never. Unsubscribe to call it off.
 */
export function after(
  milliseconds: number,
  expired: () => void,
  scheduler: SchedulerLike = asyncScheduler,
): Subscription {
  if (milliseconds === 0) return Subscription.EMPTY;
  // every wait has one: `timer` would make three objects more of each
  return scheduler.schedule(expired, Math.min(milliseconds, LONGEST_DELAY));
}
