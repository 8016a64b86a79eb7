/** The channels of one connection by their numbers, and when they were of use. */
import { type SchedulerLike, Subscription, takeUntil } from 'rxjs';
import type { Channel } from './channel.ts';
import { whenIdle } from './idle.ts';

const MAX_CHANNEL_NUMBER = 0xffff_ffff;

/** Channels that exist. */
export class ChannelTable {
  readonly #scheduler: SchedulerLike;
  readonly #timeouts: Readonly<Record<string, number>>;
  readonly #channels = new Map<number, Channel>();
  readonly #watches = new Subscription();
  #nextNumber = 0;
  #lastEvent: number;
  #lastFreed: number;
  #lastClosed: number | undefined;

  /** @param timeouts - milliseconds without use after which a channel is closed, by its type */
  constructor(scheduler: SchedulerLike, timeouts: Readonly<Record<string, number>>) {
    this.#scheduler = scheduler;
    this.#timeouts = timeouts;
    this.#lastEvent = this.#lastFreed = scheduler.now();
  }

  get size(): number {
    return this.#channels.size;
  }

  /** When a channel was used last, one has gone, or `used` was called. */
  get lastUsed(): number {
    const channels = [...this.#channels.values()].map((channel) => channel.lastUsed);
    return Math.max(this.#lastEvent, ...channels);
  }

  /** Since when there is no channel; `undefined` while there is one. */
  get unusedSince(): number | undefined {
    return this.size === 0 ? this.#lastFreed : undefined;
  }

  /** When one has gone last that was open; `undefined` when there was none. */
  get lastClosed(): number | undefined {
    return this.#lastClosed;
  }

  /** Something was done that is no channel's business. */
  used(): void {
    this.#lastEvent = this.#scheduler.now();
  }

  get(number: number): Channel | undefined {
    return this.#channels.get(number);
  }

  /** The lowest numbers are not used again at once: a late message for an old channel must not meet a new one. */
  allocate(): number {
    while (this.#channels.has(this.#nextNumber)) this.#nextNumber = next(this.#nextNumber);
    const number = this.#nextNumber;
    this.#nextNumber = next(number);
    return number;
  }

  add(channel: Channel): void {
    this.#channels.set(channel.number, channel);
    const timeout = Object.hasOwn(this.#timeouts, channel.type) ? this.#timeouts[channel.type] : 0;
    if (timeout === undefined || timeout === 0) return;
    this.#watches.add(
      whenIdle(timeout, () => channel.lastUsed, this.#scheduler)
        .pipe(takeUntil(channel.closed$))
        .subscribe(() => channel.destroy()),
    );
  }

  free(channel: Channel): void {
    this.#channels.delete(channel.number);
    this.used();
    this.#lastFreed = this.#lastEvent;
    if (channel.wasOpen) this.#lastClosed = this.#lastEvent;
  }

  /** All of them, which are gone now: the connection is over. */
  takeAll(): readonly Channel[] {
    this.#watches.unsubscribe();
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    return channels;
  }
}

function next(number: number): number {
  return number === MAX_CHANNEL_NUMBER ? 0 : number + 1;
}
