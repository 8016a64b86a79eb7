/** Signals that end a command: its work is unsubscribed, so that nothing of it is left running anywhere. */
import { fromEvent, map, merge, type MonoTypeOperatorFunction, type Observable, take } from 'rxjs';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** The signals that can end a command. */
export type EndingSignal = keyof typeof NUMBERS;

/** Emits the exit status that a signal stands for: 128 and its number. While it is subscribed, the signals do nothing else. */
export function signalled(...names: readonly EndingSignal[]): Observable<number> {
  return merge(
    ...names.map((name) => fromEvent(process, name).pipe(map(() => 128 + NUMBERS[name]))),
  );
}

/** Ends the source at a signal, with the signal's status. A second one ends the process. */
export function endedBy(...names: readonly EndingSignal[]): MonoTypeOperatorFunction<number> {
  return (status$) => merge(status$, signalled(...names)).pipe(take(1));
}
