import type { MonoTypeOperatorFunction } from 'rxjs';
import { lift } from './lift.ts';
import type { RunQueue } from './run-queue.ts';

/**
 * Joins sealed packets that stand one behind the other in the same buffer, and emits them as one view when the run queue has
 * run dry (or a packet stands elsewhere): all packets of one turn leave in one write.
 *
 * @param queue - the connection's run queue
 */
export function coalesce(queue: RunQueue): MonoTypeOperatorFunction<Uint8Array> {
  return lift((out) => {
    let gathered: Uint8Array | undefined;
    const flush = (): void => {
      const batch = gathered;
      gathered = undefined;
      if (batch !== undefined) out.next(batch);
    };
    queue.onIdle(flush);
    return {
      next(sealed): void {
        if (gathered !== undefined && follows(gathered, sealed)) {
          gathered = new Uint8Array(
            gathered.buffer,
            gathered.byteOffset,
            gathered.length + sealed.length,
          );
          return;
        }
        flush();
        gathered = sealed;
      },
      complete(): void {
        flush();
        out.complete();
      },
      teardown(): void {
        gathered = undefined;
      },
    };
  });
}

function follows(first: Uint8Array, second: Uint8Array): boolean {
  return first.buffer === second.buffer && first.byteOffset + first.length === second.byteOffset;
}
