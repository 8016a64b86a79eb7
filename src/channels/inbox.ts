/**
 * What a channel has received and nobody has taken yet. Data waits for its first subscriber as raw bytes, at most one window;
 * a subscriber gets at most `budget` bytes that it has not acknowledged. The end waits behind the data, errors too.
 */
import { Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { SshError } from '../errors.ts';
import { deliver, outsideDelivery } from '../operators/credit.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import { Backlog, type ChannelOutput } from './backlog.ts';

/** What an inbox needs. */
export interface InboxOptions {
  /** Bytes that a subscriber may have without having acknowledged them. */
  readonly budget: number;
  /** `discard`: stderr that nobody has claimed when the turn in which stdout was claimed ends is dropped. */
  readonly unclaimedStderr: 'discard' | 'hold';
  readonly scheduler: SchedulerLike;
  /** Everyone is done with this many bytes. */
  consumed(length: number): void;
  /** Runs a task on the connection's queue. */
  run(task: () => void): void;
}

/** What a piece counts at least: what is made of one costs more than its bytes, and small pieces behind it are gathered. */
const LEAST_COST = 256;

/** 64 KiB: what operators make of a chunk can be a hundred times its size. */
export const DEFAULT_BUDGET = 64 * 1024;

/** The receiving side of one channel. */
export class Inbox {
  /** Data of the channel itself. One subscriber; see `Inbox` for what happens before it comes. */
  readonly stdout$: ByteStream;
  /** Extended data of type 1. */
  readonly stderr$: ByteStream;
  /** Both in the order of arrival; whoever subscribes to it leaves nothing for the other two. */
  readonly output$: Observable<ChannelOutput>;
  readonly #options: InboxOptions;
  #unclaimed = new Backlog();
  readonly #outlets: Partial<Record<'stdout' | 'stderr' | 'both', Outlet>> = {};
  readonly #grace = new Subscription();
  #discardsStderr = false;
  #end: { readonly error?: SshError } | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.stdout$ = this.#claimable('stdout', (output) => output.data);
    this.stderr$ = this.#claimable('stderr', (output) => output.data);
    this.output$ = this.#claimable('both', (output) => output);
  }

  /** Takes received data; it belongs to the inbox. */
  push(type: 'stdout' | 'stderr', data: Uint8Array): void {
    // no window bounds how many of these there are
    if (data.length === 0) return;
    const outlet = this.#outlets.both ?? this.#outlets[type];
    if (outlet !== undefined) outlet.push({ type, data });
    else if (type === 'stderr' && this.#discardsStderr) this.#options.consumed(data.length);
    else this.#unclaimed.push({ type, data });
  }

  /** No more data comes; with an error when it was not the peer's EOF or CLOSE that said so. */
  end(error?: SshError): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#grace.unsubscribe();
    for (const outlet of Object.values(this.#outlets)) outlet.end(this.#end);
  }

  /** Nobody wants any of it: what waits is dropped, and what comes. */
  discard(): void {
    this.#discardsStderr = true;
    this.#dropUnclaimed();
    for (const name of ['stdout', 'stderr', 'both'] as const) {
      this.#outlets[name] ??= new Outlet(this.#options);
      this.#outlets[name].close();
    }
  }

  #claimable<T>(
    name: 'stdout' | 'stderr' | 'both',
    project: (output: ChannelOutput) => T,
  ): Observable<T> {
    return new Observable((subscriber) => {
      if (this.#isClaimed(name)) {
        subscriber.error(
          new SshError(
            'config',
            `${name === 'both' ? 'output' : name} of a channel has a subscriber already`,
            {},
          ),
        );
        return undefined;
      }
      const outlet = new Outlet(this.#options);
      this.#outlets[name] = outlet;
      this.#handOver(name, outlet);
      outlet.open({ next: (output) => subscriber.next(project(output)) }, subscriber);
      if (this.#end !== undefined) outlet.end(this.#end);
      if (name === 'stdout') this.#limitPatience();
      return () => outlet.close();
    });
  }

  /** `both` excludes the others. */
  #isClaimed(name: 'stdout' | 'stderr' | 'both'): boolean {
    const { stdout, stderr, both } = this.#outlets;
    if (name === 'both') return (both ?? stdout ?? stderr) !== undefined;
    return (both ?? this.#outlets[name]) !== undefined;
  }

  #handOver(name: 'stdout' | 'stderr' | 'both', outlet: Outlet): void {
    const waiting = this.#unclaimed;
    this.#unclaimed = new Backlog();
    for (let output = waiting.shift(); output !== undefined; output = waiting.shift()) {
      if (name === 'both' || output.type === name) outlet.push(output);
      else this.#unclaimed.push(output);
    }
  }

  #dropUnclaimed(): void {
    const bytes = this.#unclaimed.clear();
    if (bytes > 0) this.#options.consumed(bytes);
  }

  /** stdout and stderr share a window: a stderr that nobody ever reads would stop stdout. */
  #limitPatience(): void {
    if (this.#options.unclaimedStderr === 'hold' || this.#outlets.stderr !== undefined) return;
    this.#grace.add(
      this.#options.scheduler.schedule(() => {
        if (this.#outlets.stderr !== undefined) return;
        this.#discardsStderr = true;
        this.#dropUnclaimed();
      }, 0),
    );
  }
}

/** One subscriber of an inbox. */
class Outlet {
  readonly #options: InboxOptions;
  readonly #queue = new Backlog();
  #out: { next(output: ChannelOutput): void } | undefined;
  #subscriber: Subscriber<unknown> | undefined;
  #unacknowledged = 0;
  #isClosed = false;
  #isScheduled = false;
  #end: { readonly error?: SshError } | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  open(out: { next(output: ChannelOutput): void }, subscriber: Subscriber<unknown>): void {
    this.#out = out;
    this.#subscriber = subscriber;
    this.#schedule();
  }

  push(output: ChannelOutput): void {
    if (this.#isClosed) {
      this.#options.consumed(output.data.length);
      return;
    }
    this.#queue.push(output);
    this.#schedule();
  }

  end(end: { readonly error?: SshError }): void {
    this.#end = end;
    this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
    const bytes = this.#queue.clear();
    if (bytes > 0) this.#options.consumed(bytes);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#subscriber === undefined) return;
    this.#isScheduled = true;
    this.#options.run(() => {
      this.#isScheduled = false;
      this.#handOut();
    });
  }

  #handOut(): void {
    const out = this.#out;
    while (out !== undefined && !this.#isClosed && this.#unacknowledged < this.#options.budget) {
      const output = this.#queue.shift();
      if (output === undefined) break;
      const { length } = output.data;
      const cost = Math.max(length, LEAST_COST);
      this.#unacknowledged += cost;
      deliver(out, output, () => this.#acknowledge(length, cost));
    }
    if (this.#queue.isEmpty && this.#end !== undefined && !this.#isClosed) this.#finish(this.#end);
  }

  #acknowledge(length: number, cost: number): void {
    this.#unacknowledged -= cost;
    this.#options.consumed(length);
    if (!this.#queue.isEmpty) this.#schedule();
  }

  #finish({ error }: { readonly error?: SshError }): void {
    this.#isClosed = true;
    outsideDelivery(() => {
      if (error === undefined) this.#subscriber?.complete();
      else this.#subscriber?.error(error);
    });
  }
}
