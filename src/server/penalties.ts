/** Sources that have offended before are turned away for a while: as PerSourcePenalties of sshd_config. */
import type { TimestampProvider } from 'rxjs';

/** Milliseconds for each offence, and how they add up. */
export interface Penalties {
  /** Tried to log in, and left or was disconnected without success; 5000. */
  readonly authFail: number;
  /** Has not logged in within the time for it; 10 000. */
  readonly graceExceeded: number;
  /** Left without a try to log in, as scanners do; 1000. */
  readonly noAuth: number;
  /** What a source has gathered shows from here on; 15 000. */
  readonly min: number;
  /** It is never more than this; 600 000. */
  readonly max: number;
  /** Sources that are remembered, of IPv4 and of IPv6 each, at the most; 65 536. When it is reached, the half that has been quiet for longest is forgotten. */
  readonly maxSources: number;
}

/** What a source may have done. */
export type Offence = 'authFail' | 'graceExceeded' | 'noAuth';

/** The numbers of OpenSSH. */
export const DEFAULT_PENALTIES: Penalties = {
  authFail: 5_000,
  graceExceeded: 10_000,
  noAuth: 1_000,
  min: 15_000,
  max: 600_000,
  maxSources: 65_536,
};

interface Penalty {
  /** When it is over. */
  readonly until: number;
  /** Has it reached the least that shows? From then on it holds until it is over. */
  readonly isActive: boolean;
}

/**
 * Who has offended, in two generations of half the size each. A single map in the order of the offences would do, were finding its
 * first key not the slower the more were deleted in front of it.
 */
export class PenaltyTable {
  readonly #penalties: Penalties;
  readonly #clock: TimestampProvider;
  #recent = new Map<string, Penalty>();
  #earlier = new Map<string, Penalty>();

  constructor(penalties: Penalties, clock: TimestampProvider) {
    this.#penalties = penalties;
    this.#clock = clock;
  }

  /** Sources that are remembered. */
  get size(): number {
    return this.#recent.size + this.#earlier.size;
  }

  /** Is the source to be turned away now? */
  isActive(source: string): boolean {
    return this.#current(source)?.isActive ?? false;
  }

  /** Adds an offence to what the source has gathered. */
  add(source: string, offence: Offence): void {
    const { min, max, maxSources } = this.#penalties;
    const now = this.#clock.now();
    const before = this.#current(source);
    const until = Math.min((before?.until ?? now) + this.#penalties[offence], now + max);
    if (until === now) return;
    this.#earlier.delete(source);
    this.#recent.set(source, { until, isActive: before?.isActive === true || until - now >= min });
    if (this.#recent.size < maxSources / 2) return;
    this.#earlier = this.#recent;
    this.#recent = new Map();
  }

  #current(source: string): Penalty | undefined {
    const penalty = this.#recent.get(source) ?? this.#earlier.get(source);
    if (penalty === undefined || penalty.until > this.#clock.now()) return penalty;
    this.#recent.delete(source);
    this.#earlier.delete(source);
    return undefined;
  }
}
