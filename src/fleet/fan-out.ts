/** One task at many hosts. */
import { type Observable, type ObservableInput, type Subscriber, Subscription } from 'rxjs';
import { processWindowBudget } from '../channels/window.ts';
import { abortable } from '../operators/abortable.ts';
import type { ExecEvent } from '../client/exec.ts';
import { SshError } from '../errors.ts';
import { holdCredit, outsideDelivery, type Release } from '../operators/credit.ts';
import { Fifo } from '../wire/fifo.ts';
import { fromInput } from '../operators/from-input.ts';
import { lift, type Stage } from '../operators/lift.ts';
import { type ByteInput, toByteStream } from '../operators/to-byte-stream.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import { Broadcast, broadcast } from './broadcast.ts';
import type { FleetEvent } from './fleet-event.ts';
import { type HostRunOptions, runHost } from './host-run.ts';

/** What a task is told besides its host. */
export interface FleetTaskInfo {
  /** The host's name, as its events have it. */
  readonly host: string;
  /** The host's place among the hosts, from 0. */
  readonly index: number;
  /** 1 at first, one more at each retry. */
  readonly attempt: number;
  /** This host's copy of the option `stdin`, for one subscriber; completes at once when there is none. */
  readonly stdin$: ByteStream;
}

/** What is done at a host. Called anew for each attempt. */
export type FleetTask<H> = (host: H, info: FleetTaskInfo) => ObservableInput<ExecEvent>;

/** How a fan-out runs. */
export interface FanOutOptions<H = unknown> extends HostRunOptions {
  /** How many hosts are at work at a time; 32 by default. */
  readonly concurrency?: number;
  /** The name of a host; by default a string itself, and `host` or `host:port` of an object that has them. */
  readonly label?: (host: H) => string;
  /**
   * Input for all hosts, read once: each task gets it as `info.stdin$`, at the pace of the slowest host (see `broadcast`).
   * More than the 8 MiB that it keeps for hosts that come late needs a concurrency for all hosts.
   */
  readonly stdin?: ByteInput | Broadcast;
  /** Ends everything with `aborted`. */
  readonly signal?: AbortSignal;
}

const DEFAULT_CONCURRENCY = 32;

/**
 * Runs a task at many hosts and tells what happens at each. One bad host never stops the rest.
 *
 * 1. At most `concurrency` hosts are at work at a time; the others wait, in order. Iterables and async iterables of hosts are
 *    asked for the next host when there is a place for it.
 * 2. Emits `started`, the task's own events, `error` when the task has failed, and `done` for each host: see `HostEvent`.
 *    Completes when the hosts have ended and every task is done.
 * 3. After `timeout` milliseconds a host's task is unsubscribed, which ends its command, and `error` is a `timeout` (phase `host`).
 *    The output before it was emitted.
 * 4. A task is begun anew, up to `retries` times, when its error is `transient` and it has emitted nothing; `exec` gives no
 *    transient error once its command was requested. Leave `exec` the last step of a task that is retried.
 * 5. Output keeps its credit: a consumer that holds it (`drain`) slows the hosts down. While a fan-out runs, channels start
 *    with windows of 256 KiB; they grow like any other, so memory is bounded whatever the number of hosts.
 * 6. Unsubscribing ends all tasks.
 *
 * Errors with `config` (an option that makes no sense, a string instead of hosts, a host without a name), with `aborted`, and,
 * when the tasks that run are done, with what the source of hosts errors with. A host never makes it error.
 *
 * @param hosts - names, or anything else that the task knows what to do with
 * @param task - host → what `exec` emits
 *
 * @example
 * ```ts
 * fanOut(expandHosts('web[01-20]'), (host) => connect(host).pipe(exec('uname -r')), { timeout: 30_000 })
 *   .subscribe(({ host, event }) => console.log(host, event.type));
 * ```
 */
export function fanOut<H>(
  hosts: ObservableInput<H>,
  task: FleetTask<H>,
  options: FanOutOptions<H> = {},
): Observable<FleetEvent<H>> {
  const source = typeof hosts === 'string' ? [] : hosts;
  const { stdin } = options;
  // now, and not when the first host is there: a file that cannot be opened says so meanwhile
  const input = stdin instanceof Broadcast ? stdin : toByteStream(stdin ?? []);
  const event$ = fromInput(source).pipe(
    lift((out: Subscriber<FleetEvent<H>>) => {
      if (typeof hosts === 'string')
        throw badOption('hosts', 'is one string: give an array of them');
      checkOptions(options);
      return new Fleet(task, { ...options, stdin: input }, out);
    }),
  );
  return options.signal === undefined ? event$ : abortable(event$, options.signal);
}

/** A host that waits for its turn. */
interface Waiting<H> {
  readonly target: H;
  readonly release: Release;
}

class Fleet<H> implements Stage<H> {
  readonly #task: FleetTask<H>;
  readonly #options: FanOutOptions<H>;
  readonly #concurrency: number;
  readonly #out: Subscriber<FleetEvent<H>>;
  readonly #input: Broadcast;
  readonly #closeInput: () => void;
  readonly #waiting = new Fifo<Waiting<H>>();
  readonly #leaveCrowd = processWindowBudget.expectCrowd();
  readonly #work = new Subscription();
  #running = 0;
  #index = 0;
  #isStarting = false;
  #end: (() => void) | undefined;

  constructor(task: FleetTask<H>, options: FanOutOptions<H>, out: Subscriber<FleetEvent<H>>) {
    const { concurrency = DEFAULT_CONCURRENCY, stdin = [], scheduler } = options;
    this.#task = task;
    this.#options = options;
    this.#concurrency = concurrency;
    this.#out = out;
    const isOurs = !(stdin instanceof Broadcast);
    this.#input = isOurs ? broadcast(stdin, scheduler === undefined ? {} : { scheduler }) : stdin;
    this.#closeInput = isOurs ? () => this.#input.close() : () => undefined;
  }

  next(target: H): void {
    this.#waiting.push({ target, release: holdCredit() });
    this.#startWaiting();
  }

  error(error: unknown): void {
    this.#end = () => this.#out.error(error);
    this.#startWaiting();
  }

  complete(): void {
    this.#end = () => this.#out.complete();
    this.#startWaiting();
  }

  teardown(): void {
    this.#leaveCrowd();
    this.#work.unsubscribe();
    this.#closeInput();
    for (const { release } of this.#waiting.takeAll()) release();
  }

  /** A loop, not a recursion: a host may be done at once. */
  #startWaiting(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      while (this.#running < this.#concurrency && !this.#out.closed) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) break;
        try {
          outsideDelivery(() => this.#start(waiting.target));
        } finally {
          // last: the source may answer with its next host
          waiting.release();
        }
      }
    } finally {
      this.#isStarting = false;
    }
    if (this.#running > 0 || this.#waiting.length > 0 || this.#out.closed) return;
    this.#end?.();
  }

  #start(target: H): void {
    const index = this.#index++;
    const host = (this.#options.label ?? labelOf)(target);
    if (host === '') throw badOption('label', `host ${String(index + 1)} has no name`);
    const { bytes$: stdin$, leave } = this.#input.port();
    this.#running++;
    const run = new Subscription();
    this.#work.add(run);
    run.add(leave);
    run.add(
      runHost(
        (attempt) => this.#task(target, { host, index, attempt, stdin$ }),
        this.#options,
      ).subscribe({
        next: (event) => this.#out.next({ host, target, index, event }),
        complete: () => {
          run.unsubscribe();
          this.#running--;
          outsideDelivery(() => this.#startNext());
        },
      }),
    );
  }

  /** Outside of the source's own notifications nobody else would catch what a label throws. */
  #startNext(): void {
    try {
      this.#startWaiting();
    } catch (thrown) {
      this.#out.error(thrown);
    }
  }
}

function labelOf(target: unknown): string {
  if (typeof target !== 'object' || target === null) return String(target);
  const { host, port }: { readonly host?: unknown; readonly port?: unknown } = target;
  if (typeof host !== 'string')
    throw badOption('label', 'is needed for hosts that are neither strings nor have a `host`');
  return typeof port === 'number' ? `${host}:${String(port)}` : host;
}

function checkOptions({ concurrency = 1, timeout = 0, retries = 0 }: FanOutOptions<never>): void {
  if (!(concurrency >= 1)) throw badOption('concurrency', 'must be at least 1');
  if (!(timeout >= 0)) throw badOption('timeout', 'is a number of milliseconds, 0 for no limit');
  if (!(retries >= 0)) throw badOption('retries', 'must not be negative');
}

function badOption(option: string, problem: string): SshError<'config'> {
  return new SshError('config', `fanOut: ${option} ${problem}`, { option });
}
