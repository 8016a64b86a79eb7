/** The work for one host: its attempts, its time, and its events. */
import {
  defer,
  Observable,
  type ObservableInput,
  type SchedulerLike,
  type Subscriber,
  Subscription,
  timer,
} from 'rxjs';
import type { ExecEvent } from '../client/exec.ts';
import { type RetryDelay, retryDelay } from '../client/retry-delay.ts';
import type { SshError } from '../errors.ts';
import { outsideDelivery } from '../operators/credit.ts';
import { fromInput } from '../operators/from-input.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { type HostEvent, taskError } from './fleet-event.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';

/** How hosts are run. */
export interface HostRunOptions {
  /** Milliseconds for each host, all attempts together; no limit by default. */
  readonly timeout?: number;
  /** How often a task is begun anew; 0 by default. */
  readonly retries?: number;
  /** 1 s, doubled at each retry up to 30 s, by default. */
  readonly retryDelay?: RetryDelay;
  readonly scheduler?: SchedulerLike;
}

/** Runs a task, again where that may help, and tells what comes of it. Never errors; completes behind `done`. */
export function runHost(
  task: (attempt: number) => ObservableInput<ExecEvent>,
  options: HostRunOptions,
): Observable<HostEvent> {
  return new Observable((out) => {
    new HostRun(task, options, out).start();
  });
}

class HostRun {
  readonly #task: (attempt: number) => ObservableInput<ExecEvent>;
  readonly #options: HostRunOptions;
  readonly #scheduler: SchedulerLike;
  readonly #out: Subscriber<HostEvent>;
  readonly #began: number;
  #attempts = 0;
  #work = new Subscription();

  constructor(
    task: (attempt: number) => ObservableInput<ExecEvent>,
    options: HostRunOptions,
    out: Subscriber<HostEvent>,
  ) {
    this.#task = task;
    this.#options = options;
    this.#scheduler = options.scheduler ?? steadyScheduler;
    this.#out = out;
    this.#began = this.#scheduler.now();
  }

  start(): void {
    const { timeout = 0 } = this.#options;
    this.#out.add(() => this.#work.unsubscribe());
    this.#out.add(after(timeout, () => this.#fail(timeoutError('host', timeout)), this.#scheduler));
    this.#try();
  }

  #try(failure?: SshError): void {
    const attempt = ++this.#attempts;
    this.#emit({ type: 'started', attempt, ...(failure === undefined ? {} : { after: failure }) });
    if (this.#out.closed) return;
    let isSilent = true;
    // the connection of an attempt is gone before anything follows it: its place is free
    const work = this.#newWork();
    work.add(
      defer(() => fromInput(this.#task(attempt))).subscribe({
        next: (event) => {
          isSilent = false;
          // within the delivery: whoever holds the event's credit slows the host down
          this.#out.next(event);
        },
        error: (thrown: unknown) => {
          work.unsubscribe();
          this.#failed(taskError(thrown), isSilent);
        },
        complete: () => {
          work.unsubscribe();
          this.#finish();
        },
      }),
    );
  }

  /** A task that has told nothing and failed before its command was requested may be begun anew. */
  #failed(error: SshError, isSilent: boolean): void {
    const { retries = 0 } = this.#options;
    if (!isSilent || !error.transient || this.#attempts > retries) {
      this.#fail(error);
      return;
    }
    this.#newWork().add(
      defer(() => timer(this.#delay(error), this.#scheduler)).subscribe({
        next: () => this.#try(error),
        // the caller's function has thrown
        error: (thrown: unknown) => this.#fail(taskError(thrown)),
      }),
    );
  }

  #delay(error: SshError): number {
    return retryDelay(this.#options.retryDelay, this.#attempts, error);
  }

  #fail(error: SshError): void {
    this.#work.unsubscribe();
    this.#emit({ type: 'error', error });
    this.#finish();
  }

  #finish(): void {
    const milliseconds = this.#scheduler.now() - this.#began;
    this.#emit({ type: 'done', attempts: this.#attempts, milliseconds });
    this.#out.complete();
  }

  #emit(event: HostEvent): void {
    outsideDelivery(() => this.#out.next(event));
  }

  #newWork(): Subscription {
    this.#work = new Subscription();
    return this.#work;
  }
}
