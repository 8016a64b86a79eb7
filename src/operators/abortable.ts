/** A signal that ends a stream. */
import { type MonoTypeOperatorFunction, Observable } from 'rxjs';
import { abortedError, type SshError } from '../errors.ts';

/** The same stream, which errors with `aborted` when the signal fires, if there is one. */
export function abortableBy<T>(signal: AbortSignal | undefined): MonoTypeOperatorFunction<T> {
  return (source) => (signal === undefined ? source : abortable(source, signal));
}

/**
 * Errors with `aborted` when the signal fires.
 *
 * @param aborting - is told first; may end the source with the error
 */
export function abortable<T>(
  source: Observable<T>,
  signal: AbortSignal,
  aborting: (error: SshError) => void = nothing,
): Observable<T> {
  return new Observable((subscriber) => {
    const abort = (): void => {
      const error = abortedError(signal);
      aborting(error);
      if (!subscriber.closed) subscriber.error(error);
    };
    if (signal.aborted) {
      abort();
      return undefined;
    }
    signal.addEventListener('abort', abort, { once: true });
    subscriber.add(source.subscribe(subscriber));
    return () => signal.removeEventListener('abort', abort);
  });
}

function nothing(): void {
  // only a connection has to know before its stream does
}
