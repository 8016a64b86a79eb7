/** An Observable as a web stream, at the reader's pace. */
import type { Observable } from 'rxjs';
import { toAsyncIterable, type ToAsyncIterableOptions } from './to-async-iterable.ts';

/**
 * Makes a web `ReadableStream` of an Observable.
 *
 * 1. Subscribes at the first read; `cancel` unsubscribes.
 * 2. A value's credit is held until the reader has taken it and reads on; nothing is read ahead.
 * 3. Values without credit wait up to `highWaterMark` (1024 by default), and then the stream errors with `overflow`.
 *
 * @example
 * ```ts
 * new Response(toWebStream(stdout$));
 * ```
 */
export function toWebStream<T>(
  source: Observable<T>,
  options: ToAsyncIterableOptions = {},
): ReadableStream<T> {
  const values = toAsyncIterable(source, options)[Symbol.asyncIterator]();
  return new ReadableStream<T>(
    {
      async pull(controller): Promise<void> {
        const result = await values.next();
        if (result.done === true) controller.close();
        else controller.enqueue(result.value);
      },
      async cancel(): Promise<void> {
        await values.return?.();
      },
    },
    // the stream's own queue would take values before anybody reads them
    { highWaterMark: 0 },
  );
}
