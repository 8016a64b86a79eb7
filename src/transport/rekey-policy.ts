/** When keys are worn out (RFC 4253 §9, RFC 4344 §3). */

/** Limits after which a side asks for new keys. */
export interface RekeyLimits {
  /** Bytes in either direction. */
  readonly bytes: number;
  /** Packets in either direction; sequence numbers and MACs ask for fewer than 2³¹ (RFC 4344 §3.1). */
  readonly packets: number;
  /** Age of the keys in milliseconds; 0 is no limit. */
  readonly milliseconds: number;
}

/** 1 GiB, 2³¹ packets, one hour. */
export const DEFAULT_REKEY_LIMITS: RekeyLimits = {
  bytes: 2 ** 30,
  packets: 2 ** 31,
  milliseconds: 3_600_000,
};

/** Are the keys of this direction worn out? Their age is a timer's business. */
export function isWornOut(
  limits: RekeyLimits,
  usage: { readonly packets: number; readonly bytes: number },
): boolean {
  return usage.bytes >= limits.bytes || usage.packets >= limits.packets;
}
