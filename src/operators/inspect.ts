import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Outbound } from '../transport/direction.ts';
import type { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

/** Looks at a payload that has just left under this number. The bytes are good until it returns. */
export type Inspector = (payload: Writer, sequenceNumber: number) => void;

/**
 * Shows payloads as they leave, behind what held them back: the numbers are those of their packets.
 *
 * @param outbound - the cell that numbers packets
 * @param inspector - `undefined` while nobody wants to look
 */
export function inspect(
  outbound: Outbound,
  inspector: () => Inspector | undefined,
): MonoTypeOperatorFunction<Writer> {
  return lift((out) => ({
    next(payload): void {
      const { sequenceNumber } = outbound;
      out.next(payload);
      // only now: whoever looks may send something, and the writer is the same
      inspector()?.(payload, sequenceNumber);
    },
  }));
}
