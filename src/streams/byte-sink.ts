/** Where bytes go: one way to send any source of bytes at the pace of whoever takes them. */
import { Observable, type Subscriber } from 'rxjs';
import { SshError } from '../errors.ts';
import {
  holdCredit,
  isDelivering,
  keepWhileHeld,
  outsideDelivery,
  type Release,
} from '../operators/credit.ts';
import { lift, type Stage } from '../operators/lift.ts';
import { type ByteInput, toByteStream } from '../operators/to-byte-stream.ts';
import { Fifo } from '../wire/fifo.ts';

/** What a sink hands its bytes to: a channel's outgoing side, or whatever takes bytes at a pace of its own. */
export interface SinkTarget {
  /** Takes bytes from the front, now, and says how many; 0 is "wait". They are the target's only until it returns. */
  accept(bytes: Uint8Array): number;
  /** Calls back once when it is worth trying again. */
  whenReady(resume: () => void): void;
  /** No more bytes will come. */
  end(): void;
  /** The source broke: the receiver must not take what it has for the whole. */
  abort(error: unknown): void;
  /** Emits once when nothing can be accepted any more; replays. */
  readonly closed$: Observable<SshError>;
}

/** How `pump` sends. */
export interface PumpOptions {
  /** Say that no more will come when the source completes; `true` by default. */
  readonly end?: boolean;
  /** Bytes of a source without credit that may wait; 1 MiB by default. A single chunk may be larger. */
  readonly highWaterMark?: number;
}

/** Accepts bytes, at its own pace. */
export interface ByteSink {
  /**
   * Sends a source of bytes.
   *
   * 1. Cold: nothing is read before subscription. Pumps that run side by side mix their chunks.
   * 2. Emits how many bytes were accepted so far whenever that has grown, and 0 at the end of an empty source. These numbers
   *    carry no credit.
   * 3. A chunk's credit is held until its last byte was accepted. Chunks without credit are queued up to `highWaterMark`,
   *    and then it errors with `overflow`.
   * 4. When the source has completed and its last byte was accepted, says that no more will come (unless `end: false`) and
   *    completes.
   * 5. An error of the source waits behind the bytes before it; then the target is aborted and the error passes on.
   * 6. When the target closes first: errors with `released`, the reason as its cause.
   * 7. Unsubscribing stops the source and gives all credit back; the target stays open, and no end is said.
   *
   * @example
   * ```ts
   * channel.stdin.pump(createReadStream('dump.sql')).subscribe((sent) => console.log(sent));
   * ```
   */
  pump(source: ByteInput, options?: PumpOptions): Observable<number>;
}

const DEFAULT_HIGH_WATER_MARK = 1024 * 1024;

/** A sink in front of a target. */
export function byteSink(target: SinkTarget): ByteSink {
  return {
    pump: (source, options = {}) => {
      const bytes$ = toByteStream(source);
      return new Observable((out) => {
        const closed = target.closed$.subscribe((error) => out.error(closedError(error)));
        out.add(closed);
        // nothing is begun for a target that is closed already
        if (out.closed) return;
        bytes$
          .pipe(lift((accepted: Subscriber<number>) => new Pump(target, accepted, options)))
          .subscribe(out);
      });
    },
  };
}

/** Bytes that were not accepted yet. */
interface Waiting {
  bytes: Uint8Array;
  readonly release: Release;
  /** Counts against the high-water mark: nothing else bounds it. */
  readonly hasCredit: boolean;
}

class Pump implements Stage<Uint8Array> {
  readonly #target: SinkTarget;
  readonly #out: Subscriber<number>;
  readonly #options: PumpOptions;
  readonly #waiting = new Fifo<Waiting>();
  #bytesWithoutCredit = 0;
  #accepted = 0;
  #reported = -1;
  #isFlushing = false;
  #isReadyAwaited = false;
  #ending: { readonly error?: unknown; readonly isError: boolean } | undefined;

  constructor(target: SinkTarget, out: Subscriber<number>, options: PumpOptions) {
    this.#target = target;
    this.#out = out;
    this.#options = options;
  }

  next(chunk: Uint8Array): void {
    if (this.#waiting.length > 0 || this.#isFlushing) {
      this.#waiting.push(this.#toWait(chunk));
    } else {
      const rest = this.#offerAtOnce(chunk);
      // in front of what has come in meanwhile
      if (rest.length > 0 && !this.#out.closed) this.#waiting.unshift(this.#toWait(rest));
    }
    this.#flush();
  }

  error(error: unknown): void {
    this.#ending = { isError: true, error };
    this.#flush();
  }

  complete(): void {
    this.#ending = { isError: false };
    this.#flush();
  }

  teardown(): void {
    for (const { release } of this.#waiting.takeAll()) release();
  }

  /** Offers bytes until they are accepted or it has to wait; what is left is returned. */
  #offer(bytes: Uint8Array): Uint8Array {
    let rest = bytes;
    while (rest.length > 0 && !this.#isReadyAwaited && !this.#out.closed) {
      const taken = this.#target.accept(rest);
      this.#accepted += taken;
      if (taken > 0) rest = rest.subarray(taken);
      else this.#awaitReady();
    }
    return rest;
  }

  #awaitReady(): void {
    this.#isReadyAwaited = true;
    this.#target.whenReady(() => {
      this.#isReadyAwaited = false;
      if (this.#out.closed) return;
      try {
        this.#flush();
      } catch (thrown) {
        this.#out.error(thrown);
      }
    });
  }

  /** The usual case, in which nothing is kept and nothing allocated. */
  #offerAtOnce(chunk: Uint8Array): Uint8Array {
    this.#isFlushing = true;
    try {
      return this.#offer(chunk);
    } finally {
      this.#isFlushing = false;
    }
  }

  #toWait(bytes: Uint8Array): Waiting {
    const hasCredit = isDelivering();
    if (!hasCredit) this.#checkHighWaterMark(bytes.length);
    return { bytes: keepWhileHeld(bytes), hasCredit, release: holdCredit() };
  }

  #checkHighWaterMark(length: number): void {
    const limit = this.#options.highWaterMark ?? DEFAULT_HIGH_WATER_MARK;
    if (this.#bytesWithoutCredit > 0 && this.#bytesWithoutCredit + length > limit) {
      throw new SshError(
        'overflow',
        `the source is faster than its receiver: more than ${String(limit)} bytes wait to be sent`,
        { what: 'bytes waiting to be sent', limit },
      );
    }
    this.#bytesWithoutCredit += length;
  }

  /** Offers what waits, tells how far it has come, and ends when everything is accepted. */
  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      // again when whoever heard the report has sent more
      do {
        this.#offerWaiting();
        this.#report();
      } while (this.#waiting.length > 0 && !this.#isReadyAwaited && !this.#out.closed);
    } finally {
      this.#isFlushing = false;
    }
    if (this.#waiting.length === 0) this.#finish();
  }

  #offerWaiting(): void {
    for (;;) {
      const first = this.#waiting.peek();
      if (first === undefined) return;
      const rest = this.#offer(first.bytes);
      // unsubscribed meanwhile: teardown has emptied the queue
      if (this.#out.closed) return;
      if (!first.hasCredit) this.#bytesWithoutCredit -= first.bytes.length - rest.length;
      first.bytes = rest;
      if (rest.length > 0) return;
      this.#waiting.shift();
      // last: the source may answer with its next chunk
      first.release();
    }
  }

  #report(): void {
    if (this.#accepted <= Math.max(this.#reported, 0) || this.#out.closed) return;
    this.#reported = this.#accepted;
    outsideDelivery(() => this.#out.next(this.#accepted));
  }

  #finish(): void {
    const ending = this.#ending;
    if (ending === undefined || this.#out.closed) return;
    this.#ending = undefined;
    if (ending.isError) {
      this.#target.abort(ending.error);
      this.#out.error(ending.error);
      return;
    }
    if (this.#reported < 0) outsideDelivery(() => this.#out.next(0));
    if (this.#options.end !== false) this.#target.end();
    this.#out.complete();
  }
}

function closedError(cause: SshError): SshError<'released'> {
  const message = `the channel closed before all was sent: ${cause.message}`;
  return new SshError('released', message, { what: 'channel' }, { cause });
}
