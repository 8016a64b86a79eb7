/** A fan-out in numbers. */
import { type OperatorFunction, type SchedulerLike, type Subscriber } from 'rxjs';
import type { ErrorKind } from '../errors.ts';
import { lift, type Stage } from '../operators/lift.ts';
import type { FleetEvent } from './fleet-event.ts';
import { NO_STATUS, shellStatus } from './shell-status.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';

/** How a fan-out has gone. */
export interface FleetSummary {
  /** Hosts at which the task was begun. */
  readonly hosts: number;
  /** Ended with status 0. */
  readonly ok: number;
  /** Ended with another status, by a signal, or without a status. */
  readonly failed: number;
  /** Did not get so far. */
  readonly errors: number;
  /** The same by kind of error. */
  readonly errorsByKind: Readonly<Partial<Record<ErrorKind, number>>>;
  /** Begun, and not done when the stream ended. */
  readonly unfinished: number;
  /** The largest status of all hosts as `shellStatus` has it; 255 when there was an error. */
  readonly largestStatus: number;
  readonly milliseconds: number;
}

/**
 * Counts what comes of a fan-out: emits one summary at completion, or before an error.
 *
 * @example `fanOut(hosts, task).pipe(summary()).subscribe(({ ok, failed }) => console.log(ok, failed))`
 */
export function summary(
  options: { readonly scheduler?: SchedulerLike } = {},
): OperatorFunction<FleetEvent, FleetSummary> {
  return lift((out: Subscriber<FleetSummary>) => new Summary(options, out));
}

class Summary implements Stage<FleetEvent> {
  readonly #scheduler: SchedulerLike;
  readonly #out: Subscriber<FleetSummary>;
  readonly #began: number;
  readonly #errorsByKind: Partial<Record<ErrorKind, number>> = {};
  readonly #statuses = new Map<number, number | 'error'>();
  #hosts = 0;
  #ok = 0;
  #failed = 0;
  #errors = 0;
  #largestStatus = 0;

  constructor(
    { scheduler = steadyScheduler }: { readonly scheduler?: SchedulerLike },
    out: Subscriber<FleetSummary>,
  ) {
    this.#scheduler = scheduler;
    this.#out = out;
    this.#began = scheduler.now();
  }

  next({ index, event }: FleetEvent): void {
    switch (event.type) {
      case 'started':
        if (event.attempt === 1) this.#hosts++;
        return;
      case 'exit':
        this.#statuses.set(index, shellStatus(event.exit));
        return;
      case 'error':
        this.#statuses.set(index, 'error');
        this.#errorsByKind[event.error.kind] = (this.#errorsByKind[event.error.kind] ?? 0) + 1;
        return;
      case 'done':
        this.#count(this.#statuses.get(index) ?? 0);
        // a fleet may be large
        this.#statuses.delete(index);
        return;
      default:
    }
  }

  error(error: unknown): void {
    this.#emit();
    this.#out.error(error);
  }

  complete(): void {
    this.#emit();
    this.#out.complete();
  }

  #count(status: number | 'error'): void {
    if (status === 'error') this.#errors++;
    else if (status === 0) this.#ok++;
    else this.#failed++;
    this.#largestStatus = Math.max(this.#largestStatus, status === 'error' ? NO_STATUS : status);
  }

  #emit(): void {
    this.#out.next({
      hosts: this.#hosts,
      ok: this.#ok,
      failed: this.#failed,
      errors: this.#errors,
      errorsByKind: this.#errorsByKind,
      unfinished: this.#hosts - this.#ok - this.#failed - this.#errors,
      largestStatus: this.#largestStatus,
      milliseconds: this.#scheduler.now() - this.#began,
    });
  }
}
