/** Connections and channels that nobody uses. */
import {
  defer,
  filter,
  map,
  NEVER,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  type Subscription,
  take,
  timer,
} from 'rxjs';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';
import { timeoutError } from '../streams/deadline.ts';
import type { SshConnection } from './connection.ts';

/** How long a connection may be without use. */
export interface IdleLimits {
  /** Milliseconds without channel data, either way, and without requests; 0 is no limit. */
  readonly idleTimeout: number;
  /** Milliseconds without a channel; 0 is no limit. */
  readonly unusedTimeout: number;
}

/** Emits once, `limit` milliseconds behind the last use, and completes; a limit of 0 is none. */
export function whenIdle(
  limit: number,
  lastUsed: () => number,
  scheduler: SchedulerLike,
): Observable<unknown> {
  if (limit === 0) return NEVER;
  return defer(() => {
    const left = lastUsed() + limit - scheduler.now();
    if (left <= 0) return of(true);
    return timer(Math.min(left, LONGEST_DELAY), scheduler).pipe(map(() => false));
  }).pipe(repeat(), filter(Boolean), take(1));
}

/**
 * Ends a connection with `timeout` (phase `idle` or `unused`) when it is past a limit. What the transport carries is no use, IGNORE
 * among it, nor is a keepalive. Unsubscribe to leave it alone.
 */
export function endWhenIdle(connection: SshConnection, limits: IdleLimits): Subscription {
  const { transport } = connection;
  const { scheduler } = transport;
  const watch = (phase: string, limit: number, lastUsed: () => number): Subscription =>
    whenIdle(limit, lastUsed, scheduler).subscribe(() =>
      transport.fail(timeoutError(phase, limit)),
    );
  const watches = watch('idle', limits.idleTimeout, () => connection.lastUsed);
  const unusedSince = (): number => connection.unusedSince ?? scheduler.now();
  watches.add(watch('unused', limits.unusedTimeout, unusedSince));
  return watches;
}
