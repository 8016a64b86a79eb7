/** Padding of packets (RFC 4253 §6). */
import type { PacketShape } from '../crypto/suite.ts';

const MINIMUM_PADDING = 4;
/** packet_length and padding_length. */
export const PACKET_HEADER = 5;

/** How many bytes of padding a payload takes, so that the packet ends on a block of the cipher; never fewer than 16 in all. */
export function paddingLength(shape: PacketShape, payloadLength: number): number {
  const counted = 1 + payloadLength + (shape.lengthIsAligned ? 4 : 0);
  const padding = shape.blockSize - (counted % shape.blockSize);
  const enough = padding < MINIMUM_PADDING ? padding + shape.blockSize : padding;
  const total = PACKET_HEADER + payloadLength + enough;
  return total < 16 ? enough + shape.blockSize : enough;
}
