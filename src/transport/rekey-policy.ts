/** When keys are worn out (RFC 4253 §9, RFC 4344 §3). */

/** Limits after which a side asks for new keys. */
export interface RekeyLimits {
  /** Bytes in either direction; 0 is no limit. */
  readonly bytes: number;
  /** Packets in either direction. Never more than 2³¹, whatever it says: a sequence number must not come twice (RFC 4344 §3.1). */
  readonly packets: number;
  /** Age of the keys in milliseconds; 0 is no limit. */
  readonly milliseconds: number;
}

const MOST_PACKETS = 2 ** 31;

/** 1 GiB, 2³¹ packets, one hour. */
export const DEFAULT_REKEY_LIMITS: RekeyLimits = {
  bytes: 2 ** 30,
  packets: MOST_PACKETS,
  milliseconds: 3_600_000,
};

/** Are the keys of this direction worn out? Their age is a timer's business. */
export function isWornOut(
  limits: RekeyLimits,
  usage: { readonly packets: number; readonly bytes: number },
): boolean {
  const packets = limits.packets > 0 ? Math.min(limits.packets, MOST_PACKETS) : MOST_PACKETS;
  return (limits.bytes > 0 && usage.bytes >= limits.bytes) || usage.packets >= packets;
}
