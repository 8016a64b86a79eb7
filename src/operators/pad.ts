import type { OperatorFunction } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Outbound } from '../transport/direction.ts';
import { PACKET_HEADER, paddingLength } from '../transport/padding.ts';
import { writeUint32 } from '../wire/bytes.ts';
import type { Writer } from '../wire/writer.ts';
import { lift } from './lift.ts';

/** Random bytes fetched at once: the generator costs more for each call than for each byte. */
const RANDOM_POOL = 4096;

/**
 * Frames payloads as packets in the clear: `packet_length | padding_length | payload | padding`, the padding random
 * (RFC 4253 §6). The packet stands in the payload's own buffer and is good until `next` returns.
 *
 * @param outbound - the cell whose sealer says what to align to
 * @param provider - gives the random bytes
 */
export function pad(
  outbound: Outbound,
  provider: CryptoProvider,
): OperatorFunction<Writer, Uint8Array> {
  return lift((out) => ({
    next(payload): void {
      const padding = paddingLength(outbound.sealer, payload.length);
      const packet = payload.framed(padding);
      writeUint32(packet, 0, packet.length - 4);
      packet[4] = padding;
      packet.set(randomPadding(provider, padding), PACKET_HEADER + payload.length);
      out.next(packet);
    },
  }));
}

let pool: Uint8Array = new Uint8Array(0);
let poolProvider: CryptoProvider | undefined;
let poolAt = 0;

function randomPadding(provider: CryptoProvider, length: number): Uint8Array {
  if (poolAt + length > pool.length || poolProvider !== provider) {
    pool = provider.randomBytes(RANDOM_POOL);
    poolProvider = provider;
    poolAt = 0;
  }
  poolAt += length;
  return pool.subarray(poolAt - length, poolAt);
}
