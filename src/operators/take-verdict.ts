/** Verdicts of handlers: a value, or whatever emits one. */
import { from, isObservable, type ObservableInput, type Subscription, take } from 'rxjs';

/** What a handler may give for a verdict: the verdict itself, or whatever emits it first. */
export type Verdict<T> = T | ObservableInput<T>;

/**
 * Takes the first value of a verdict and lets its source go. Throwing, erroring and completing without a value are all
 * `refused`, exactly once.
 */
export function takeVerdict<T>(
  ask: () => Verdict<T>,
  accepted: (value: T) => void,
  refused: (error: unknown) => void,
): Subscription | undefined {
  let isSettled = false;
  const settle = (action: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    action();
  };
  try {
    const verdict = ask();
    if (!isInput(verdict)) {
      settle(() => accepted(verdict));
      return undefined;
    }
    return from(verdict)
      .pipe(take(1))
      .subscribe({
        next: (value) => settle(() => accepted(value)),
        error: (error: unknown) => settle(() => refused(error)),
        complete: () => settle(() => refused(undefined)),
      });
  } catch (thrown) {
    settle(() => refused(thrown));
    return undefined;
  }
}

/** Only `true` is consent: a promise, which any condition would take for `true`, is none. */
export function isConsent(answer: unknown): boolean {
  return answer === true;
}

/** Is it something that emits? Bytes, which can be iterated too, are a value. */
export function isInput<T>(verdict: Verdict<T>): verdict is ObservableInput<T> {
  if (typeof verdict !== 'object' || verdict === null || verdict instanceof Uint8Array)
    return false;
  return (
    isObservable(verdict) ||
    'then' in verdict ||
    Symbol.iterator in verdict ||
    Symbol.asyncIterator in verdict
  );
}
