/** What rxjs takes for an Observable, with credit where it can be had. */
import { from, isObservable, type Observable, type ObservableInput } from 'rxjs';
import { fromPull, type Pullable } from './from-pull.ts';

/**
 * Like rxjs's `from`, but iterables, async iterables, web and Node streams are asked for one value at a time, the next when
 * the credit of the one before has returned (see `fromPull`). Observables are passed through; a promise is one value, and its
 * rejection is an error of the stream, however late somebody subscribes.
 */
export function fromInput<T>(input: ObservableInput<T>): Observable<T> {
  if (isObservable(input)) return input;
  if (isPullable(input)) return fromPull(input);
  if (isArrayLike(input)) return fromPull(Array.from(input));
  // it may be rejected before anybody subscribes
  if (isObject(input) && 'then' in input) input.then(undefined, nothing);
  // promises, other libraries' Observables; what is nothing of all this, `from` refuses
  return from(input);
}

function isPullable<T>(input: ObservableInput<T>): input is Pullable<T> & ObservableInput<T> {
  if (!isObject(input)) return typeof input === 'string';
  return Symbol.asyncIterator in input || Symbol.iterator in input || 'getReader' in input;
}

function isArrayLike<T>(input: ObservableInput<T>): input is ArrayLike<T> {
  return isObject(input) && 'length' in input && typeof input.length === 'number';
}

/** May it have properties? */
export function isObject(input: unknown): input is object {
  return (typeof input === 'object' && input !== null) || typeof input === 'function';
}

function nothing(): void {
  // whoever subscribes is told
}
