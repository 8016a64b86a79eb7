/** The memory that channel data came in. */
import type { CryptoProvider } from '../crypto/provider.ts';

/** What a packet has beside the data, at most: padding_length, the head of the message, and the padding (RFC 4253 §6). */
const MAXIMUM_OVERHEAD = 1 + 9 + 255;

/**
 * Frees the packet of which a chunk is all that is left: a plaintext has memory of its own. Smaller pieces of something larger
 * stay as they are.
 */
export function freePacketOf(chunk: Uint8Array, provider: CryptoProvider): void {
  const memory = new Uint8Array(chunk.buffer);
  if (memory.length - chunk.length <= MAXIMUM_OVERHEAD) provider.giveBack?.(memory);
}
