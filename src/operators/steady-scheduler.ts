import { asyncScheduler, type SchedulerLike } from 'rxjs';

/** setTimeout takes a delay past this for 1 ms. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Timers and a clock that nobody sets: what rxjs calls `asyncScheduler`, but whose `now()` does not jump when somebody, or the network,
 * sets the clock of the machine. Only differences of its times mean anything.
 */
export const steadyScheduler: SchedulerLike = {
  now: () => performance.now(),
  schedule: asyncScheduler.schedule.bind(asyncScheduler),
};
