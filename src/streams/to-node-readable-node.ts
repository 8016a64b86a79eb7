/** An Observable as a Node stream, at the reader's pace. */
import { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import { toAsyncIterable, type ToAsyncIterableOptions } from '../operators/to-async-iterable.ts';

/** How the stream behaves. */
export interface ToNodeReadableOptions extends ToAsyncIterableOptions {
  /** For values that are neither bytes nor text; `false` by default. */
  readonly objectMode?: boolean;
}

/**
 * Makes a Node `Readable` of an Observable.
 *
 * 1. Subscribes at the first read; `destroy` unsubscribes.
 * 2. A value's credit is held until it was read: the stream's own buffer holds one value.
 * 3. Values without credit wait up to `highWaterMark` (1024 by default), and then the stream errors with `overflow`.
 *
 * @example
 * ```ts
 * await pipeline(toNodeReadable(stdout$), createGunzip(), createWriteStream('dump.sql'));
 * ```
 */
export function toNodeReadable<T>(
  source: Observable<T>,
  options: ToNodeReadableOptions = {},
): Readable {
  const { objectMode = false } = options;
  // one byte, or one object, is enough to stop it from reading ahead
  return Readable.from(toAsyncIterable(source, options), { objectMode, highWaterMark: 1 });
}
