/** All bytes of a stream as one array. */
import type { OperatorFunction } from 'rxjs';
import { keep } from '../../operators/credit.ts';
import { lift } from '../../operators/lift.ts';
import { ByteLimit, GatheredBytes } from '../../wire/gathered-bytes.ts';

/** Bounds what is collected. */
export interface CollectBytesOptions {
  /** Most bytes that are kept; 256 MiB by default. */
  readonly maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** Emits everything at the end; errors with `overflow` past `maxBytes`. */
export function collectBytes({
  maxBytes = DEFAULT_MAX_BYTES,
}: CollectBytesOptions = {}): OperatorFunction<Uint8Array, Uint8Array> {
  return lift((out) => {
    const gathered = new GatheredBytes(new ByteLimit('content of a file', maxBytes));
    return {
      next: (piece) => gathered.add(keep(piece)),
      complete(): void {
        out.next(gathered.bytes());
        out.complete();
      },
    };
  });
}
