/** All bytes of a stream as one array. */
import type { OperatorFunction } from 'rxjs';
import { SshError } from '../../errors.ts';
import { keep } from '../../operators/credit.ts';
import { lift } from '../../operators/lift.ts';
import { concatBytes } from '../../wire/bytes.ts';

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
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    return {
      next(piece): void {
        bytes += piece.length;
        if (bytes > maxBytes) {
          const detail = { what: 'bytes of a file', limit: maxBytes };
          throw new SshError('overflow', `more than ${String(maxBytes)} bytes`, detail);
        }
        pieces.push(keep(piece));
      },
      complete(): void {
        const [first] = pieces;
        out.next(first !== undefined && pieces.length === 1 ? first : concatBytes(pieces));
        out.complete();
      },
    };
  });
}
