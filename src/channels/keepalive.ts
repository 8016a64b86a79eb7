/** Keepalive: is the peer still there, and how long is the way to it? */
import { EMPTY, Observable, type SchedulerAction, type SchedulerLike, type Subscriber } from 'rxjs';
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
  const interval = Math.min(options.interval, LONGEST_DELAY);
  if (interval <= 0) return EMPTY;
  return new Observable((subscriber) => {
    const { countMax } = options;
    new Keepalive(connection, { interval, countMax }, scheduler, subscriber).start();
  });
}

class Keepalive {
  readonly #connection: SshConnection;
  readonly #options: KeepaliveOptions;
  readonly #scheduler: SchedulerLike;
  readonly #subscriber: Subscriber<number>;
  #misses = 0;
  #received: number;
  #isWaiting = false;

  constructor(
    connection: SshConnection,
    options: KeepaliveOptions,
    scheduler: SchedulerLike,
    subscriber: Subscriber<number>,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#subscriber = subscriber;
    this.#received = this.#packetsReceived;
  }

  get #packetsReceived(): number {
    return this.#connection.transport.counters.packetsReceived;
  }

  start(): void {
    const { interval } = this.#options;
    const tick = (): void => this.#tick();
    this.#subscriber.add(
      this.#scheduler.schedule(function (this: SchedulerAction<void>) {
        tick();
        this.schedule(undefined, interval);
      }, interval),
    );
    const { closed$ } = this.#connection.transport;
    this.#subscriber.add(closed$.subscribe(() => this.#subscriber.complete()));
  }

  #tick(): void {
    if (this.#connection.transport.isGateClosed) return;
    const received = this.#packetsReceived;
    this.#misses = received === this.#received ? this.#misses + 1 : 0;
    this.#received = received;
    if (this.#misses > 0 && this.#isWaiting && this.#misses >= this.#options.countMax) {
      // timers come before what has arrived: a program that was busy has not read it yet
      this.#subscriber.add(this.#scheduler.schedule(() => this.#giveUp()));
      return;
    }
    if (!this.#isWaiting) this.#ask();
  }

  #ask(): void {
    const sent = this.#scheduler.now();
    const answered = (): void => {
      this.#isWaiting = false;
      const roundTrip = this.#scheduler.now() - sent;
      this.#connection.sawRoundTrip(roundTrip);
      this.#subscriber.next(roundTrip);
    };
    this.#isWaiting = true;
    this.#subscriber.add(
      this.#connection.globalRequests.request(KEEPALIVE_REQUEST).subscribe({
        next: answered,
        error: () => {
          if (this.#connection.transport.ended === undefined) answered();
        },
      }),
    );
  }

  #giveUp(): void {
    if (this.#packetsReceived !== this.#received) return;
    const { interval, countMax } = this.#options;
    this.#connection.transport.fail(timeoutError('keepalive', interval * countMax));
  }
}
