/** Work with what is open as long as it is subscribed to. */
import type { Observable, Subscriber } from 'rxjs';
import { lift, subscribeInner } from '../../operators/lift.ts';

/** Opens something, works with it, completes when the work has, and lets it go. */
export function whileOpen<F, R>(
  open$: Observable<F>,
  work: (opened: F) => Observable<R>,
): Observable<R> {
  return open$.pipe(
    lift((out: Subscriber<R>) => {
      const stage = { next: (value: R) => out.next(value), complete: () => out.complete() };
      let isOpened = false;
      return {
        next: (opened: F) => {
          isOpened = true;
          subscribeInner(work(opened), out, stage);
        },
        // what is closed by the work is not the end of the work
        complete: () => {
          if (!isOpened) out.complete();
        },
      };
    }),
  );
}
