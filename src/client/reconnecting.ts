/** One connection for many subscribers, which is dialled anew when it is lost. */
import {
  asyncScheduler,
  BehaviorSubject,
  Observable,
  type SchedulerLike,
  type Subscriber,
  Subscription,
} from 'rxjs';
import { defaultProvider } from '#crypto';
import { AMOUNT, checkOptions, type OptionKinds } from '../auth/option-kinds.ts';
import { randomFraction } from '../crypto/random.ts';
import { isSshError, type SshError } from '../errors.ts';
import { outsideDelivery } from '../operators/credit.ts';
import { after } from '../streams/deadline.ts';
import { asSshError, callbackError } from '../streams/ending.ts';
import type { SshClient } from './client.ts';
import { type RetryDelay, retryDelay } from './retry-delay.ts';

/** When and how often to dial anew. */
export interface ReconnectOptions {
  /**
   * Before each dial after the first; how many failed since the last success is counted. Unless said otherwise 1 s, doubled at
   * each up to 30 s, and half of that is left to chance, so that a thousand clients do not come back at once.
   */
  readonly delay?: RetryDelay;
  /** Failures in a row after which it is given up; no limit unless said otherwise. */
  readonly maxRetries?: number;
  /** Milliseconds that the connection stays open after the last subscriber has gone; 0 by default. */
  readonly linger?: number;
  /** Where time comes from; rxjs's `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
}

/** Where it stands. */
export type ReconnectState<C = SshClient> =
  /** Nobody is subscribed. */
  | { readonly type: 'idle' }
  /** It is being dialled, for the first time or once more. */
  | { readonly type: 'connecting'; readonly attempt: number }
  | { readonly type: 'connected'; readonly client: C }
  /** It was lost, or not to be had, and is dialled again in so many milliseconds. */
  | { readonly type: 'waiting'; readonly error: SshError; readonly milliseconds: number }
  /** Another try would not help, or there were enough: all subscribers were told. The next one dials. */
  | { readonly type: 'failed'; readonly error: SshError };

const OPTION_KINDS: OptionKinds<ReconnectOptions> = { maxRetries: AMOUNT, linger: AMOUNT };

/** A connection that comes back; see {@link reconnecting}. */
export type Reconnecting<C = SshClient> = Observable<C> & {
  /** Where it stands, and each change. Replayed; never ends. */
  readonly state$: Observable<ReconnectState<C>>;
};

/**
 * Shares one connection among all subscribers, and dials anew when it is lost.
 *
 * 1. Dials for the first subscriber, and lets go `linger` milliseconds after the last.
 * 2. Emits the client that is there, and each that comes after it: `switchMap` begins anew on each, `exec` and the other
 *    operators take the first. While it is being dialled, subscribers wait.
 * 3. Never repeats what was done on a lost connection: work errors with what has ended it, and whoever knows that it may be done
 *    twice says `retry`, with a delay: a server that takes a login and drops it at once would be dialled without a pause.
 * 4. Errors, to all subscribers, with what another try would not help: a login that is refused, a host key that has changed, and
 *    the last failure when there were `maxRetries`; with `config` for an option that is none. It completes when `client$` does.
 *
 * @param client$ - as from `connect`: dials when it is subscribed to, and is connected as long as it is
 * @example
 * ```ts
 * const db1$ = reconnecting(connect('deploy@db1'));
 * db1$.state$.subscribe(({ type }) => console.log(type));
 * db1$.pipe(switchMap((db1) => db1.exec('journalctl -f')), lines(), retry({ delay: 1000 })).subscribe((line) => console.log(line));
 * ```
 */
export function reconnecting<C = SshClient>(
  client$: Observable<C>,
  options: ReconnectOptions = {},
): Reconnecting<C> {
  const connection = new Reconnection(client$, options);
  const shared$ = new Observable<C>((out) => {
    checkOptions(options, OPTION_KINDS);
    return connection.join(out);
  });
  return Object.assign(shared$, { state$: connection.state$ });
}

class Reconnection<C> {
  readonly state$: Observable<ReconnectState<C>>;
  readonly #client$: Observable<C>;
  readonly #options: ReconnectOptions;
  readonly #scheduler: SchedulerLike;
  readonly #state = new BehaviorSubject<ReconnectState<C>>({ type: 'idle' });
  readonly #subscribers = new Set<Subscriber<C>>();
  /** The dial, the connection, or the wait for the next. */
  #work = Subscription.EMPTY;
  #lingering = Subscription.EMPTY;
  #failures = 0;

  constructor(client$: Observable<C>, options: ReconnectOptions) {
    this.#client$ = client$;
    this.#options = options;
    this.#scheduler = options.scheduler ?? asyncScheduler;
    this.state$ = this.#state.asObservable();
  }

  join(out: Subscriber<C>): () => void {
    this.#subscribers.add(out);
    this.#lingering.unsubscribe();
    const state = this.#state.value;
    if (state.type === 'connected') out.next(state.client);
    else if (state.type === 'idle' || state.type === 'failed') this.#dial();
    return () => this.#leave(out);
  }

  #leave(out: Subscriber<C>): void {
    if (!this.#subscribers.delete(out) || this.#subscribers.size > 0) return;
    const { linger = 0 } = this.#options;
    if (linger === 0) this.#stop();
    else this.#lingering = after(linger, () => this.#stop(), this.#scheduler);
  }

  #stop(): void {
    this.#work.unsubscribe();
    this.#failures = 0;
    if (this.#state.value.type !== 'failed') this.#tell({ type: 'idle' });
  }

  #dial(): void {
    const work = new Subscription();
    this.#work = work;
    this.#tell({ type: 'connecting', attempt: this.#failures + 1 });
    if (work.closed) return;
    work.add(
      this.#client$.subscribe({
        next: (client) => this.#connected(client),
        error: (error: unknown) => this.#lost(asSshError(error)),
        complete: () => this.#end((out) => out.complete(), { type: 'idle' }),
      }),
    );
  }

  #connected(client: C): void {
    this.#failures = 0;
    // whoever joins when told of it has the client already
    const waiting = [...this.#subscribers];
    this.#tell({ type: 'connected', client });
    for (const out of waiting) out.next(client);
  }

  #lost(error: SshError): void {
    const { delay = withChance, maxRetries = Number.POSITIVE_INFINITY } = this.#options;
    this.#failures++;
    if (!mayComeBack(error) || this.#failures > maxRetries) {
      this.#fail(error);
      return;
    }
    try {
      this.#wait(error, retryDelay(delay, this.#failures, error));
    } catch (thrown) {
      this.#fail(callbackError('delay', thrown));
    }
  }

  #wait(error: SshError, milliseconds: number): void {
    const work = new Subscription();
    this.#work = work;
    this.#tell({ type: 'waiting', error, milliseconds });
    if (!work.closed) work.add(this.#scheduler.schedule(() => this.#dial(), milliseconds));
  }

  #fail(error: SshError): void {
    this.#end((out) => out.error(error), { type: 'failed', error });
  }

  #end(tell: (out: Subscriber<C>) => void, state: ReconnectState<C>): void {
    const told = [...this.#subscribers];
    this.#subscribers.clear();
    this.#failures = 0;
    this.#tell(state);
    for (const out of told) tell(out);
  }

  #tell(state: ReconnectState<C>): void {
    outsideDelivery(() => this.#state.next(state));
  }
}

/** A server that says goodbye is often one that is started again. */
function mayComeBack(error: SshError): boolean {
  return error.transient || (isSshError(error, 'disconnect') && error.detail.by === 'peer');
}

function withChance(retry: number, error: SshError): number {
  return retryDelay(undefined, retry, error) * (0.5 + randomFraction(defaultProvider) / 2);
}
