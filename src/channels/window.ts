/** Windows (RFC 4254 §5.2): arithmetic and growth, without I/O. */
import { protocolError } from '../errors.ts';

/** Largest window that the protocol can express. */
const MAX_WINDOW = 0xffff_ffff;

/** First window of a channel, as OpenSSH's. */
export const INITIAL_WINDOW = 2 * 1024 * 1024;
/** First window of a channel in a crowd: 64 of them are 16 MiB, where they would else be 128. */
export const CROWDED_WINDOW = 256 * 1024;
/** What of the budget windows may grow by in a crowd: 8 MiB of 64. */
const CROWDED_SHARE = 8;
/** A window that limits a transfer grows up to this: 16 MiB fill 130 MiB/s at a round trip of 120 ms. */
export const LARGEST_WINDOW = 16 * 1024 * 1024;
/** What one packet of channel data may carry to us. */
export const MAXIMUM_PACKET = 32 * 1024;

/**
 * How much receive windows may grow beyond their first size, all channels of the process together: memory stays bounded
 * whatever the number of hosts.
 */
export class WindowBudget {
  readonly #bytes: number;
  #lent = 0;
  #crowds = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** First size of a window that nobody has chosen a size for, in bytes. */
  get firstWindow(): number {
    return this.#crowds > 0 ? CROWDED_WINDOW : INITIAL_WINDOW;
  }

  /** Windows start small until the returned function is called: many channels are about to be opened side by side. */
  expectCrowd(): () => void {
    this.#crowds++;
    let isExpected = true;
    return () => {
      if (isExpected) this.#crowds--;
      isExpected = false;
    };
  }

  /** Takes up to `bytes`; gives what could be taken. In a crowd there is less: the many small windows take their part. */
  borrow(bytes: number): number {
    const limit = this.#crowds > 0 ? this.#bytes / CROWDED_SHARE : this.#bytes;
    const taken = Math.max(0, Math.min(bytes, limit - this.#lent));
    this.#lent += taken;
    return taken;
  }

  giveBack(bytes: number): void {
    this.#lent -= bytes;
  }
}

/** 64 MiB for the process. */
export const processWindowBudget = new WindowBudget(64 * 1024 * 1024);

/**
 * Below this round trip, in milliseconds, windows do not grow: the first one lets 200 MiB through in a second, and a busy machine
 * makes a way of no length look that long. Growth has a price: sshd copies what it cannot send at once, and with a window of
 * 16 MiB on loopback it takes three times as long as with 2.
 */
const SHORTEST_ROUND_TRIP = 10;

/** What the peer may still send us, and what we owe it. */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  readonly #initialSize: number;
  #size: number;
  /** What the peer may send before an adjust. */
  #remaining: number;
  /** Received, and not done with. */
  #unconsumed = 0;
  #lastGrant: number | undefined;
  #isLimiting = false;
  /** The oldest grant that was not seen to have arrived, and what the peer could send without it. */
  #unanswered: { readonly at: number; without: number } | undefined;

  constructor(size: number, budget: WindowBudget = processWindowBudget) {
    this.#size = size;
    this.#initialSize = size;
    this.#remaining = size;
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  /** Received and not done with, in bytes. */
  get unconsumed(): number {
    return this.#unconsumed;
  }

  /**
   * Counts received data. Throws a `protocol` error for more than was granted.
   *
   * @param now - in milliseconds
   * @returns how long a grant and its answer have taken, where this is the answer: the first data that could not have come
   *   without it. A round trip is never longer.
   */
  receive(length: number, now: number): number | undefined {
    if (length > this.#remaining) throw protocolError('channel data beyond the window');
    this.#remaining -= length;
    this.#unconsumed += length;
    const grant = this.#unanswered;
    if (grant === undefined) return undefined;
    grant.without -= length;
    if (grant.without >= 0) return undefined;
    this.#unanswered = undefined;
    return now - grant.at;
  }

  /** Counts data that everyone is done with. */
  consume(length: number): void {
    this.#unconsumed -= length;
  }

  /** Is so much consumed that the peer should be told? */
  get isGrantDue(): boolean {
    const grantable = this.#size - this.#remaining - this.#unconsumed;
    // a window that limits is adjusted early: at a long round trip the peer would stand still until half is consumed
    return grantable > 0 && grantable >= this.#size / (this.#isLimiting ? 4 : 2);
  }

  /**
   * Grants what is consumed, and more where the window limits the transfer: where the peer has sent at a rate that comes near
   * one window a round trip, and the consumer keeps up.
   *
   * @param now - in milliseconds
   * @param roundTrip - in milliseconds; 0 where it is not known
   * @returns the bytes to add
   */
  grant(now: number, roundTrip: number): number {
    const consumed = this.#size - this.#remaining - this.#unconsumed;
    const interval =
      this.#lastGrant === undefined ? Number.POSITIVE_INFINITY : now - this.#lastGrant;
    this.#lastGrant = now;
    const isNearLimit =
      roundTrip >= SHORTEST_ROUND_TRIP && consumed * roundTrip * 2 > this.#size * interval;
    this.#isLimiting = isNearLimit && this.#unconsumed <= this.#size / 4;
    if (this.#isLimiting) {
      this.#size += this.#budget.borrow(
        Math.max(0, Math.min(this.#size, LARGEST_WINDOW - this.#size)),
      );
    }
    const bytes = this.#size - this.#remaining - this.#unconsumed;
    this.#unanswered ??= { at: now, without: this.#remaining };
    this.#remaining += bytes;
    return bytes;
  }

  /** Gives back what growth has borrowed. */
  release(): void {
    this.#budget.giveBack(this.#size - this.#initialSize);
    this.#size = this.#initialSize;
  }
}

/** What we may still send. */
export class SendWindow {
  #remaining: number;

  constructor(size: number) {
    this.#remaining = size;
  }

  get remaining(): number {
    return this.#remaining;
  }

  /** Counts what was sent. */
  use(length: number): void {
    this.#remaining -= length;
  }

  /** WINDOW_ADJUST. Throws a `protocol` error past 2³²−1 (RFC 4254 §5.2). */
  adjust(bytes: number): void {
    if (this.#remaining + bytes > MAX_WINDOW) throw protocolError('window adjusted beyond 2^32-1');
    this.#remaining += bytes;
  }
}
