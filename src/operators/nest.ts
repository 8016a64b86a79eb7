import { from, Observable, type ObservableInput, type OperatorFunction, Subscription } from 'rxjs';
import { subscribeInner } from './lift.ts';

/**
 * Builds one resource on top of another: a transport on a socket, a login on a transport.
 *
 * 1. Takes the source's first value and subscribes to what `project` makes of it; further values are ignored.
 * 2. Errors of both pass through. Completion of the inner Observable does not let the source go; completion of the source
 *    alone does nothing. Completes when both have.
 * 3. Unsubscribing ends the inner subscription first, and the source behind it: what stands on top says goodbye while what
 *    it stands on is still there. A source that emits without a pause is stopped too.
 *
 * @param project - source's value → what is built on it
 */
export function nest<T, R>(project: (value: T) => ObservableInput<R>): OperatorFunction<T, R> {
  return (source) =>
    new Observable((out) => {
      const inner = new Subscription();
      out.add(inner);
      let running = 1;
      let isTaken = false;
      const complete = (): void => {
        running--;
        if (running === 0) out.complete();
      };
      const build = (value: T): void => {
        if (isTaken) return;
        isTaken = true;
        running++;
        const stage = { next: (result: R) => out.next(result), complete };
        subscribeInner(from(project(value)), out, stage, inner);
      };
      const guarded = (value: T): void => {
        try {
          build(value);
        } catch (thrown) {
          out.error(thrown);
        }
      };
      out.add(
        source.subscribe({ next: guarded, error: (error: unknown) => out.error(error), complete }),
      );
    });
}
