import type { OperatorFunction } from 'rxjs';
import { protocolError } from '../errors.ts';
import type { DecryptedPacket } from './decrypt.ts';
import { lift } from './lift.ts';

/** What a packet carries. */
export interface InboundPayload {
  /** Of its packet in its direction (RFC 4253 §6.4). */
  readonly sequenceNumber: number;
  /** Message number and fields. */
  readonly payload: Uint8Array;
}

/**
 * Takes the padding off (RFC 4253 §6): four bytes of it at least, and one of payload. Errors with `protocol`.
 */
export function unpad(): OperatorFunction<DecryptedPacket, InboundPayload> {
  return lift((out) => ({
    next({ plaintext, sequenceNumber }): void {
      const padding = plaintext[0] ?? 0;
      const end = plaintext.length - padding;
      if (padding < 4 || end < 2) throw protocolError(`padding of ${String(padding)} bytes`);
      out.next({ sequenceNumber, payload: plaintext.subarray(1, end) });
    },
  }));
}
