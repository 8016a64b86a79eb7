/** Signals that end transfers: what was begun is taken back at the server before the connection ends. */
import {
  catchError,
  concat,
  defer,
  delayWhen,
  EMPTY,
  map,
  type MonoTypeOperatorFunction,
  NEVER,
  type Observable,
  of,
  share,
  switchMap,
  takeUntil,
  tap,
  timeout,
  timer,
} from 'rxjs';
import type { SftpClient } from '../node.ts';
import { signalled } from './signals.ts';

/** Milliseconds that a server has for it. */
const PATIENCE = 1_000;

/** One for each run. */
export class GentleEnding {
  /** Emits the status of a signal when the server has taken back what it was told to. */
  readonly status$: Observable<number>;
  readonly #signal$: Observable<number>;
  #fs: SftpClient | undefined;
  #isEnding = false;

  constructor() {
    this.#signal$ = signalled('SIGHUP', 'SIGINT', 'SIGTERM').pipe(
      tap(() => (this.#isEnding = true)),
      share(),
    );
    this.status$ = this.#signal$.pipe(delayWhen(() => this.#settled()));
  }

  /** Stops work at a signal, and keeps its connection from ending with it. */
  stops<T>(fs: SftpClient): MonoTypeOperatorFunction<T> {
    return (source) =>
      defer(() => {
        this.#fs = fs;
        return concat(
          source.pipe(takeUntil(this.#signal$)),
          defer(() => (this.#isEnding ? NEVER : EMPTY)),
        );
      });
  }

  /** Behind what the work says at its end, servers answer this: it is asked about a folder above all of it. */
  #settled(): Observable<unknown> {
    const fs = this.#fs;
    if (fs === undefined) return of(undefined);
    return timer(0).pipe(
      switchMap(() => fs.stat('/')),
      timeout({ first: PATIENCE }),
      map(() => undefined),
      catchError(() => of(undefined)),
    );
  }
}
