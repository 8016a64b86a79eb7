/** Work with what is open as long as it is subscribed to. */
import { dematerialize, materialize, mergeMap, type Observable } from 'rxjs';

/** Opens something, works with it, completes when the work has, and lets it go. */
export function whileOpen<F, R>(
  open$: Observable<F>,
  work: (opened: F) => Observable<R>,
): Observable<R> {
  return open$.pipe(
    mergeMap((opened) => work(opened).pipe(materialize())),
    dematerialize(),
  );
}
