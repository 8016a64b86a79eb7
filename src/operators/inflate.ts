import type { MonoTypeOperatorFunction } from 'rxjs';
import { protocolError } from '../errors.ts';
import { DisconnectReason } from '../messages/codes.ts';
import { currentCodec, type Inbound } from '../transport/direction.ts';
import { lift } from './lift.ts';
import type { InboundPayload } from './unpad.ts';

/**
 * Undoes the peer's compression where that was agreed on (RFC 4253 §6.2); other payloads pass as they are. What comes out is
 * fresh memory, and shorter than the longest packet that is accepted: one that would be longer errors with `protocol`
 * (COMPRESSION_ERROR) while it is inflated, and so does what is no zlib, or nothing.
 *
 * @param inbound - the cell with the current codec
 */
export function inflate(inbound: Inbound): MonoTypeOperatorFunction<InboundPayload> {
  return lift((out) => ({
    next(compressed): void {
      const codec = currentCodec(inbound);
      if (codec === undefined) {
        out.next(compressed);
        return;
      }
      const payload = codec.apply(compressed.payload, inbound.maximumPacketLength).slice();
      if (payload.length === 0)
        throw protocolError('compression: an empty packet', DisconnectReason.COMPRESSION_ERROR);
      out.next({ sequenceNumber: compressed.sequenceNumber, payload });
    },
  }));
}
