import { type SchedulerLike, Subscription } from 'rxjs';
import type { SshError } from '../errors.ts';
import type { KexStep } from '../transport/kex-state.ts';
import { after, timeoutError } from './deadline.ts';
import type { TransportOptions } from './transport-options.ts';

/** What becomes of it when time is up. */
interface Expiry {
  /** Nothing has come of a handshake or a key exchange. */
  late(error: SshError): void;
  /** The keys are old. */
  aged(): void;
}

/** How long key exchanges of one transport may take, and their keys may be used. */
export class TransportDeadlines {
  readonly #options: TransportOptions;
  readonly #scheduler: SchedulerLike;
  readonly #expiry: Expiry;
  #deadline = Subscription.EMPTY;
  #ageLimit = Subscription.EMPTY;

  constructor(options: TransportOptions, scheduler: SchedulerLike, expiry: Expiry) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#expiry = expiry;
  }

  /** The identification leaves. */
  begin(): void {
    this.#expect('handshake', this.#options.handshakeTimeout);
  }

  /** A key exchange has got somewhere. */
  stepped(step: KexStep, initial: boolean): void {
    // a person may be asked about the host key: that takes the time it takes
    if (step === 'settling' && this.#options.role === 'client') this.#deadline.unsubscribe();
    else if (initial) this.begin();
    else if (step !== 'idle') this.#expect('key exchange', this.#options.rekeyTimeout);
  }

  /** New keys are in use. */
  settled(): void {
    this.stop();
    const { milliseconds } = this.#options.rekey;
    this.#ageLimit = after(milliseconds, () => this.#expiry.aged(), this.#scheduler);
  }

  /** Calls everything off. */
  stop(): void {
    this.#deadline.unsubscribe();
    this.#ageLimit.unsubscribe();
  }

  #expect(phase: string, milliseconds: number): void {
    if (!this.#deadline.closed) return;
    const late = (): void => this.#expiry.late(timeoutError(phase, milliseconds));
    this.#deadline = after(milliseconds, late, this.#scheduler);
  }
}
