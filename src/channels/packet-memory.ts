/** The memory that channel data came in. */
import type { CryptoProvider } from '../crypto/provider.ts';

/** Where the data of a message begins: behind padding_length, message number, recipient channel and its own length. */
const DATA_AT = 1 + 1 + 4 + 4;

/**
 * Frees the packet that a chunk is all the data of: a plaintext has memory of its own (RFC 4253 §6, RFC 4254 §5.2). Anything else
 * stays as it is: somebody may look at the rest of it.
 */
export function freePacketOf(
  { buffer, byteOffset, length }: Uint8Array,
  provider: CryptoProvider,
): void {
  const memory = new Uint8Array(buffer);
  const [paddingLength = 0] = memory;
  if (byteOffset === DATA_AT && byteOffset + length + paddingLength === memory.length)
    provider.giveBack?.(memory);
}
