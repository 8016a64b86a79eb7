import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Outbound } from '../transport/direction.ts';
import { lift } from './lift.ts';

/** Gives room for a sealed packet: a view of exactly this many bytes. */
export type Reserve = (length: number) => Uint8Array;

/**
 * Seals packets with the current keys and numbers them.
 *
 * @param outbound - the cell with the current keys
 * @param reserve - where sealed packets are put; views of one buffer that follow each other are later written as one
 */
export function seal(
  outbound: Outbound,
  reserve: Reserve = (length) => new Uint8Array(length),
): MonoTypeOperatorFunction<Uint8Array> {
  return lift((out) => ({
    next(packet): void {
      const sealed = reserve(packet.length + outbound.sealer.tagLength);
      outbound.sealer.seal(packet, outbound.sequenceNumber, sealed, 0);
      outbound.sequenceNumber = (outbound.sequenceNumber + 1) >>> 0;
      outbound.packets++;
      outbound.bytes += sealed.length;
      out.next(sealed);
    },
  }));
}
