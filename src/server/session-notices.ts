/** What a client tells a session at work (RFC 4254 §6.7, §6.9, RFC 4335), hot: sizes, signals, breaks. */
import { type Observable, Subject } from 'rxjs';
import type { WindowSize } from '../messages/channel-requests.ts';

/** Signals that may wait for the handler; it is subscribed to within the same turn. */
const MAX_EARLY_SIGNALS = 16;

/** The notices of one session. */
export class SessionNotices {
  readonly windowChange$: Observable<WindowSize>;
  readonly signals$: Observable<string>;
  readonly breaks$: Observable<number>;
  readonly #windowChange = new Subject<WindowSize>();
  readonly #signals = new Subject<string>();
  readonly #breaks = new Subject<number>();
  #early: string[] | undefined = [];

  constructor() {
    this.windowChange$ = this.#windowChange.asObservable();
    this.signals$ = this.#signals.asObservable();
    this.breaks$ = this.#breaks.asObservable();
  }

  resized(size: WindowSize): void {
    this.#windowChange.next(size);
  }

  signal(name: string): void {
    if (this.#early === undefined) this.#signals.next(name);
    else if (this.#early.length < MAX_EARLY_SIGNALS) this.#early.push(name);
  }

  /** Has anybody heard it? */
  break(length: number): boolean {
    const isHeard = this.#breaks.observed;
    this.#breaks.next(length);
    return isHeard;
  }

  /** The handler is subscribed to: what has waited for it is told. */
  ready(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const name of early) this.#signals.next(name);
  }

  complete(): void {
    this.#windowChange.complete();
    this.#signals.complete();
    this.#breaks.complete();
  }
}
