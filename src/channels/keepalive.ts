/** Keepalive: is the peer still there, and how long is the way to it? */
import { EMPTY, Observable, type SchedulerAction, type SchedulerLike } from 'rxjs';
import { LONGEST_DELAY } from '../operators/steady-scheduler.ts';
import { timeoutError } from '../streams/deadline.ts';
import type { SshConnection } from './connection.ts';
import { KEEPALIVE_REQUEST } from './names.ts';

/** How often, and how patiently. */
export interface KeepaliveOptions {
  /** Milliseconds between two questions; 0 is off. */
  readonly interval: number;
  /** Questions that may stay without a sign of life before the connection is given up. */
  readonly countMax: number;
}

/** Every 30 seconds, given up after the third miss. */
export const DEFAULT_KEEPALIVE: KeepaliveOptions = { interval: 30_000, countMax: 3 };

/**
 * Asks the peer at intervals while subscribed. Emits the round-trip time in milliseconds of each answer, whatever the answer
 * says. Anything that arrives counts as a sign of life; when nothing has arrived for `countMax` intervals, the connection is
 * ended with `timeout` (phase `keepalive`): what arrived while the program was busy counts. It rests while a host key is being judged. Completes when the connection ends.
 */
export function keepalive(
  connection: SshConnection,
  options: KeepaliveOptions,
  scheduler: SchedulerLike,
): Observable<number> {
  const { transport } = connection;
  const interval = Math.min(options.interval, LONGEST_DELAY);
  if (interval <= 0) return EMPTY;
  return new Observable((subscriber) => {
    let misses = 0;
    let received = transport.counters.packetsReceived;
    let isWaiting = false;
    const ask = (): void => {
      const sent = scheduler.now();
      const answered = (): void => {
        isWaiting = false;
        const roundTrip = scheduler.now() - sent;
        connection.sawRoundTrip(roundTrip);
        subscriber.next(roundTrip);
      };
      isWaiting = true;
      subscriber.add(
        connection.globalRequests.request(KEEPALIVE_REQUEST).subscribe({
          next: answered,
          error: () => {
            if (transport.ended === undefined) answered();
          },
        }),
      );
    };
    const giveUp = (): void => {
      if (transport.counters.packetsReceived === received)
        transport.fail(timeoutError('keepalive', interval * options.countMax));
    };
    const tick = (): void => {
      if (transport.isGateClosed) return;
      misses = transport.counters.packetsReceived === received ? misses + 1 : 0;
      received = transport.counters.packetsReceived;
      if (misses > 0 && isWaiting && misses >= options.countMax) {
        // timers come before what has arrived: a program that was busy has not read it yet
        subscriber.add(scheduler.schedule(giveUp));
        return;
      }
      if (!isWaiting) ask();
    };
    subscriber.add(
      scheduler.schedule(function (this: SchedulerAction<void>) {
        tick();
        this.schedule(undefined, interval);
      }, interval),
    );
    subscriber.add(transport.closed$.subscribe(() => subscriber.complete()));
  });
}
