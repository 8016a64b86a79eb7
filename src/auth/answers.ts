/** Asking a function of the caller for a text: it may answer at once, later, or not at all. */
import {
  defaultIfEmpty,
  defer,
  from,
  map,
  type Observable,
  type ObservableInput,
  of,
  take,
} from 'rxjs';

/** What such a function may return. */
export type TextAnswer = string | undefined | ObservableInput<string | undefined>;

/**
 * Asks when subscribed to. Emits the first answer, or `undefined` when nothing was answered, and completes; errors with what
 * the function throws or its answer errors with. A plain string is the answer itself, though rxjs would take it for a source
 * of characters.
 */
export function askForText(ask: () => TextAnswer): Observable<string | undefined> {
  return defer(() => {
    const answer = ask();
    return answer === undefined || typeof answer === 'string' ? of(answer) : from(answer);
  }).pipe(
    take(1),
    defaultIfEmpty(undefined),
    map((text: unknown) => (typeof text === 'string' ? text : undefined)),
  );
}
