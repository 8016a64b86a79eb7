/** Two duplexes made one connection: what one reads the other writes, each way at the pace of whoever takes the bytes. */
import { Observable, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import { holdCredit, keep } from '../operators/credit.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { asSshError } from '../streams/ending.ts';

/** Hears of bytes when they have been taken. */
export interface SpliceCounters {
  /** Bytes of `near` that `far` has taken. */
  readonly sent?: (bytes: number) => void;
  /** Bytes of `far` that `near` has taken. */
  readonly received?: (bytes: number) => void;
}

/**
 * Joins two duplexes.
 *
 * 1. Cold: reads nothing before it is subscribed to. Emits nothing.
 * 2. The credit of a chunk is held until the other side has taken it, so a slow side slows the other, and no more waits than their
 *    windows and buffers hold.
 * 3. The end of one side is said to the other, which may go on: half-closed connections work.
 * 4. Completes when both sides have ended and everything was taken. A side that has closed takes nothing any more: then it is
 *    over when what that side has sent was taken.
 * 5. An error of a side waits behind the bytes before it, and is then the error of the whole.
 * 6. However it ends, also by unsubscribing, both duplexes are destroyed: with an error, unless it is complete.
 */
export function splice(
  near: ByteDuplex,
  far: ByteDuplex,
  { sent = nothing, received = nothing }: SpliceCounters = {},
): Observable<never> {
  return new Observable((out) => {
    let failure: SshError | undefined = new SshError('released', 'let go in the middle', {
      what: 'forwarded connection',
    });
    const fail = (error: SshError): void => {
      // a write that is done because all is over already
      if (out.closed) return;
      failure = error;
      out.error(error);
    };
    const settle = (): void => {
      if (!there.isOver || !back.isOver || out.closed) return;
      failure = there.failure ?? back.failure;
      if (failure === undefined) out.complete();
      else out.error(failure);
    };
    const there = new OneWay(near, far, sent, { settle, fail });
    const back = new OneWay(far, near, received, { settle, fail });
    out.add(there.start());
    if (!out.closed) out.add(back.start());
    out.add(() => {
      near.destroy(failure);
      far.destroy(failure);
    });
  });
}

/** What both directions are part of. */
interface Whole {
  /** A way is over. */
  settle(): void;
  fail(error: SshError): void;
}

/** One direction. */
class OneWay {
  readonly #from: ByteDuplex;
  readonly #to: ByteDuplex;
  readonly #taken: (bytes: number) => void;
  readonly #whole: Whole;
  readonly #reading = new Subscription();
  #writing = 0;
  #end: { readonly error?: unknown } | undefined;
  #isOver = false;
  #failure: SshError | undefined;

  constructor(from: ByteDuplex, to: ByteDuplex, taken: (bytes: number) => void, whole: Whole) {
    this.#from = from;
    this.#to = to;
    this.#taken = taken;
    this.#whole = whole;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why nobody takes what comes this way. */
  get failure(): SshError | undefined {
    return this.#failure;
  }

  start(): Subscription {
    // first: it may be closed already
    this.#reading.add(this.#to.closed$?.subscribe((error) => this.#closed(error)));
    if (this.#isOver) return this.#reading;
    this.#reading.add(
      this.#from.readable$.subscribe({
        next: (chunk) => this.#carry(chunk),
        error: (error: unknown) => this.#ended({ error }),
        complete: () => {
          this.#to.end();
          this.#ended({});
        },
      }),
    );
    return this.#reading;
  }

  #carry(chunk: Uint8Array): void {
    const offered = this.#writing === 0 ? (this.#to.offer?.(chunk) ?? 0) : 0;
    if (offered > 0) this.#taken(offered);
    if (offered === chunk.length) {
      this.#from.giveBack?.(chunk);
      return;
    }
    const rest = chunk.subarray(offered);
    const { length } = rest;
    const release = holdCredit();
    this.#writing++;
    this.#to.write(keep(rest), () => {
      this.#writing--;
      this.#taken(length);
      this.#from.giveBack?.(chunk);
      release();
      this.#finish();
    });
  }

  #ended(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#finish();
  }

  /** Nobody takes what would come this way. That is an error of the whole only when the way back is over: it may have one too. */
  #closed(failure: SshError | undefined): void {
    if (this.#isOver) return;
    this.#failure = failure;
    this.#isOver = true;
    this.#reading.unsubscribe();
    this.#whole.settle();
  }

  #finish(): void {
    if (this.#end === undefined || this.#writing > 0 || this.#isOver) return;
    this.#isOver = true;
    if ('error' in this.#end) this.#whole.fail(asSshError(this.#end.error));
    else this.#whole.settle();
  }
}

function nothing(): void {
  // nobody counts
}
