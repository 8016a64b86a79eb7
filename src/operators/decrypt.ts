import type { OperatorFunction } from 'rxjs';
import type { Inbound } from '../transport/direction.ts';
import type { SealedPacket } from './frame.ts';
import { lift } from './lift.ts';
import { macError } from './verify.ts';

/** A packet with its plaintext. */
export interface DecryptedPacket extends SealedPacket {
  /** `padding_length | payload | padding` in memory of its own. */
  readonly plaintext: Uint8Array;
}

/**
 * Decrypts sealed packets; an AEAD verifies as well. The plaintext is fresh memory, so what comes of it may be kept.
 * Errors with `protocol` (MAC_ERROR) when an AEAD's tag is wrong.
 *
 * @param inbound - the cell with the current keys
 */
export function decrypt(inbound: Inbound): OperatorFunction<SealedPacket, DecryptedPacket> {
  return lift((out) => ({
    next({ packet, sequenceNumber }): void {
      const plaintext = inbound.opener.decrypt(packet, sequenceNumber);
      if (plaintext === undefined) throw macError();
      out.next({ sequenceNumber, packet, plaintext });
    },
  }));
}
