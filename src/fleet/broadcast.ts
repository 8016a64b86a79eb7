/** One source of bytes for many receivers, each with credit of its own. */
import { Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import {
  holdCredit,
  isDelivering,
  keep,
  outsideDelivery,
  type Release,
} from '../operators/credit.ts';
import { type ByteInput, toByteStream } from '../operators/to-byte-stream.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { BroadcastReceiver } from './broadcast-receiver.ts';

/** How a broadcast behaves. */
export interface BroadcastOptions {
  /** Bytes that are kept: for receivers that are slower than others, and for those that come late; 8 MiB by default. */
  readonly memory?: number;
  /** Milliseconds that a receiver may stand still while others wait for it; 60 000 by default, 0 is no limit. */
  readonly stallTimeout?: number;
  readonly scheduler?: SchedulerLike;
}

/** One receiver's end of a broadcast. */
export interface BroadcastPort {
  /** The bytes from the start on, with credit, for one subscriber. They are shared: not to be changed. */
  readonly bytes$: ByteStream;
  /** The receiver is gone, or never comes: nobody waits for it any more. */
  readonly leave: () => void;
}

const DEFAULT_MEMORY = 8 * 1024 * 1024;
const DEFAULT_STALL_TIMEOUT = 60_000;
/** Chunks are cut to this: a receiver that takes less within the stall timeout stands still. */
const PIECE = 32 * 1024;

/**
 * Gives one source of bytes to many receivers. The source is subscribed once, with the first receiver.
 *
 * 1. `port()` announces a receiver; its `bytes$` has all bytes from the start. What is announced is waited for until it has
 *    subscribed and is done, or `leave` was called.
 * 2. The source is read until `memory` bytes are kept, and from then on at the pace of the slowest receiver.
 * 3. A receiver that others wait for, and that takes nothing for `stallTimeout` milliseconds, is dropped: its stream errors with
 *    `timeout` (phase `stdin`). A receiver that unsubscribes is not waited for.
 * 4. A receiver that comes when the start is not kept any more errors with `overflow`: the source was longer than `memory`.
 * 5. Completion and an error of the source reach each receiver behind the bytes before them.
 * 6. A source without credit that gives more than `memory` errors with `overflow`.
 * 7. `close()` lets the source go.
 *
 * @example
 * ```ts
 * const input = broadcast(createReadStream('release.tar'));
 * fanOut(hosts, (host, { stdin$ }) => connect(host).pipe(exec('tar x', { stdin: stdin$ })), { stdin: input });
 * ```
 */
export function broadcast(source: ByteInput, options: BroadcastOptions = {}): Broadcast {
  return new Broadcast(source, options);
}

/** A source of bytes and its receivers; see {@link broadcast}. */
export class Broadcast {
  readonly #source$: ByteStream;
  readonly #options: BroadcastOptions;
  readonly #memory: number;
  readonly #ports = new Set<BroadcastReceiver>();
  /** What is kept; the first piece has the number `#first`. */
  readonly #pieces: Uint8Array[] = [];
  #first = 0;
  #keptBytes = 0;
  /** Of the source's chunks that came when the memory was full. */
  readonly #held: Release[] = [];
  #hasOverflowed = false;
  #end: { readonly error?: unknown } | undefined;
  #reading: Subscription | undefined;
  #patience = Subscription.EMPTY;

  constructor(source: ByteInput, options: BroadcastOptions = {}) {
    this.#source$ = toByteStream(source);
    this.#options = options;
    this.#memory = options.memory ?? DEFAULT_MEMORY;
  }

  /** Announces a receiver. */
  port(): BroadcastPort {
    const port = new BroadcastReceiver({
      piece: (number) => this.#pieces[number - this.#first],
      end: () => this.#end,
      moved: () => this.#moved(),
    });
    // who has missed the start is not waited for
    if (this.#first === 0) this.#ports.add(port);
    const leave = (): void => {
      if (this.#ports.delete(port)) this.#moved();
    };
    const bytes$ = new Observable<Uint8Array>((subscriber) => {
      if (!this.#claim(port, subscriber)) return undefined;
      port.open(subscriber);
      this.#read();
      return () => {
        port.close();
        leave();
      };
    });
    return { bytes$, leave };
  }

  /** Lets the source go. Receivers that wait for more of it get nothing any more. */
  close(): void {
    this.#reading?.unsubscribe();
    this.#patience.unsubscribe();
    this.#releaseHeld(0);
  }

  #claim(port: BroadcastReceiver, subscriber: Subscriber<Uint8Array>): boolean {
    if (port.isOpen) {
      subscriber.error(new SshError('config', 'a port of a broadcast takes one subscriber', {}));
    } else if (port.dropped !== undefined) {
      subscriber.error(port.dropped);
    } else if (this.#first > 0 && !this.#ports.has(port)) {
      subscriber.error(overflow(this.#memory, 'a host came too late for its start'));
    } else {
      // a retry begins at the start again
      this.#ports.add(port);
      return true;
    }
    return false;
  }

  #read(): void {
    if (this.#reading !== undefined) return;
    this.#reading = new Subscription();
    this.#reading.add(
      outsideDelivery(() =>
        this.#source$.subscribe({
          next: (chunk) => this.#take(chunk),
          error: (error: unknown) => this.#finish({ error }),
          complete: () => this.#finish({}),
        }),
      ),
    );
  }

  #take(chunk: Uint8Array): void {
    // a synchronous source cannot be stopped in mid-sentence
    if (this.#end !== undefined) return;
    const bytes = keep(chunk);
    for (let at = 0; at < bytes.length; at += PIECE) {
      this.#pieces.push(bytes.subarray(at, at + PIECE));
    }
    this.#keptBytes += bytes.length;
    if (this.#keptBytes > this.#memory) this.#hold();
    this.#wake();
  }

  /** Whoever comes from here on may have missed the start; whoever is there sets the pace. */
  #hold(): void {
    this.#hasOverflowed = true;
    this.#drop();
    if (this.#keptBytes <= this.#memory) return;
    if (isDelivering()) this.#held.push(holdCredit());
    else this.#overflown();
    this.#watch();
  }

  #overflown(): void {
    this.#reading?.unsubscribe();
    this.#finish({ error: overflow(this.#memory, 'it is faster than its receivers') });
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
  }

  #wake(): void {
    for (const port of [...this.#ports]) port.run();
  }

  /** A receiver is done with a piece, or gone. */
  #moved(): void {
    if (!this.#hasOverflowed) return;
    const before = this.#first;
    this.#drop();
    if (this.#first > before) {
      this.#patience.unsubscribe();
      this.#releaseHeld(this.#memory);
    }
    this.#watch();
  }

  /** Forgets what all receivers are done with. */
  #drop(): void {
    if (this.#ports.size === 0) return;
    const slowest = Math.min(...[...this.#ports].map((port) => port.position));
    const dropped = this.#pieces.splice(0, slowest - this.#first);
    this.#first += dropped.length;
    for (const piece of dropped) this.#keptBytes -= piece.length;
  }

  #releaseHeld(limit: number): void {
    while (this.#held.length > 0 && (limit === 0 || this.#keptBytes <= limit)) {
      this.#held.shift()?.();
    }
  }

  /** The source is held up, and one receiver waits for another: that one has so much time to move. */
  #watch(): void {
    const { stallTimeout = DEFAULT_STALL_TIMEOUT, scheduler } = this.#options;
    const isWatching = !this.#patience.closed;
    const isAhead = [...this.#ports].some((port) => port.position > this.#first);
    if (isWatching || !isAhead || this.#held.length === 0) return;
    this.#patience = after(stallTimeout, () => this.#dropStalled(stallTimeout), scheduler);
  }

  #dropStalled(stallTimeout: number): void {
    const stalled = [...this.#ports].filter((port) => port.position === this.#first);
    for (const port of stalled) this.#ports.delete(port);
    this.#moved();
    for (const port of stalled) port.drop(timeoutError('stdin', stallTimeout));
  }
}

function overflow(limit: number, why: string): SshError<'overflow'> {
  return new SshError(
    'overflow',
    `the input for all hosts is longer than ${String(limit)} bytes: ${why}`,
    {
      what: 'input for all hosts',
      limit,
    },
  );
}
