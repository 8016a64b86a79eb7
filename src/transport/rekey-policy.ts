/** When keys are worn out (RFC 4253 §9, RFC 4344 §3). */

/** Limits after which a side asks for new keys. */
export interface RekeyLimits {
  /**
   * Bytes in either direction; 0 is no limit but that of the cipher: 64 GiB, and 1 GiB where its blocks have less than 16 bytes
   * (RFC 4344 §3.2).
   */
  readonly bytes: number;
  /** Packets in either direction. Never more than 2³¹, whatever it says: a sequence number must not come twice (RFC 4344 §3.1). */
  readonly packets: number;
  /** Age of the keys in milliseconds; 0 is no limit. */
  readonly milliseconds: number;
}

const MOST_PACKETS = 2 ** 31;
const AES_BLOCK = 16;

/** 1 GiB, 2³¹ packets, one hour. */
export const DEFAULT_REKEY_LIMITS: RekeyLimits = {
  bytes: 2 ** 30,
  packets: MOST_PACKETS,
  milliseconds: 3_600_000,
};

/**
 * Are the keys of this direction worn out? Their age is a timer's business.
 *
 * @param blockSize - of the cipher, in bytes
 */
export function isWornOut(
  limits: RekeyLimits,
  usage: { readonly packets: number; readonly bytes: number },
  { blockSize }: { readonly blockSize: number },
): boolean {
  const most = mostBytes(blockSize);
  const bytes = limits.bytes > 0 ? Math.min(limits.bytes, most) : most;
  const packets = limits.packets > 0 ? Math.min(limits.packets, MOST_PACKETS) : MOST_PACKETS;
  return usage.bytes >= bytes || usage.packets >= packets;
}

/**
 * RFC 4344 §3.2: of L bits, 2^(L/4) blocks, and 1 GiB when L is below 128, for two blocks that are the same tell of the plaintext
 * (Sweet32, CVE-2016-2183). As in OpenSSH, this holds for ChaCha20 too, though it has no need of it.
 */
function mostBytes(blockSize: number): number {
  return blockSize < AES_BLOCK ? 2 ** 30 : 2 ** 32 * AES_BLOCK;
}
