/** Signals that end a command: its work is unsubscribed, so that nothing of it is left running anywhere. */
import { fromEvent, map, merge, type MonoTypeOperatorFunction, take } from 'rxjs';

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/** The signals that can end a command. */
export type EndingSignal = keyof typeof NUMBERS;

/**
 * Ends the source at a signal: its exit status is then 128 and the signal's number. While the source is subscribed, the signals
 * do nothing else; a second one ends the process.
 */
export function endedBy(...names: readonly EndingSignal[]): MonoTypeOperatorFunction<number> {
  const signalled$ = merge(
    ...names.map((name) => fromEvent(process, name).pipe(map(() => 128 + NUMBERS[name]))),
  );
  return (status$) => merge(status$, signalled$).pipe(take(1));
}
