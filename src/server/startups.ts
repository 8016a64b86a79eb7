/** Whom a server turns away before they have logged in: as MaxStartups and PerSourceMaxStartups of sshd_config. */
import { Subscription } from 'rxjs';
import { SshError } from '../errors.ts';

/** When connections whose users have not logged in are turned away: some from `start` on, all from `full` on. */
export interface MaxStartups {
  /** Connections at a time from which on chance decides. */
  readonly start: number;
  /** Of a hundred that come at `start`, how many are turned away; it grows evenly to all of them at `full`. */
  readonly rate: number;
  /** Connections at a time. */
  readonly full: number;
}

/** How many at a time. */
export interface StartupLimits {
  readonly maxStartups: MaxStartups;
  readonly maxPerSource: number;
}

/** 10:30:100, as in sshd, and 10 from one source. */
export const DEFAULT_STARTUP_LIMITS: StartupLimits = {
  maxStartups: { start: 10, rate: 30, full: 100 },
  maxPerSource: 10,
};

/** Reads the option. Throws `config` for limits that contradict each other. */
export function maxStartupsOf(limit: number | MaxStartups): MaxStartups {
  const asked = typeof limit === 'number' ? { start: limit, rate: 100, full: limit } : limit;
  const { start, rate, full } = asked;
  if (!(start >= 0 && start <= full) || !(rate >= 0 && rate <= 100)) {
    const text = 'maxStartups: start is at most full, and rate is from 0 to 100';
    throw new SshError('config', text, { option: 'maxStartups' });
  }
  return asked;
}

/** The chance, from 0 to 1, that one more is turned away while `count` are there. */
export function dropChance(count: number, { start, rate, full }: MaxStartups): number {
  if (count < start) return 0;
  if (count >= full) return 1;
  const least = rate / 100;
  return least + ((1 - least) * (count - start)) / (full - start);
}

/** Counts the connections whose users have not logged in, all of them and by source. */
export class Startups {
  readonly #limits: StartupLimits;
  readonly #random: () => number;
  readonly #bySource = new Map<string, number>();
  #count = 0;

  /** @param random - from 0 to 1, without the 1 */
  constructor(limits: StartupLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** The limit that one more would exceed. A source that is not known has only the limit that all have together. */
  exceeded(source: string | undefined): 'maxStartups' | 'maxPerSource' | undefined {
    const { maxStartups, maxPerSource } = this.#limits;
    if (source !== undefined && this.#of(source) >= maxPerSource) return 'maxPerSource';
    return this.#random() < dropChance(this.#count, maxStartups) ? 'maxStartups' : undefined;
  }

  /** One more has come. Unsubscribe when it has logged in or is over, whichever is first. */
  begin(source: string | undefined): Subscription {
    this.#change(source, 1);
    return new Subscription(() => this.#change(source, -1));
  }

  #change(source: string | undefined, change: number): void {
    this.#count += change;
    if (source === undefined) return;
    const count = this.#of(source) + change;
    if (count === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, count);
  }

  #of(source: string): number {
    return this.#bySource.get(source) ?? 0;
  }
}
