/** How much one request may carry: what the server says in limits@openssh.com, within what is taken here. */
import { limits } from '../extensions.ts';
import { LARGEST_DATA, LARGEST_PACKET } from '../packets.ts';

/** Limits of a session. */
export interface SftpLimits {
  /** Bytes that one READ asks for at the most. */
  readonly readLength: number;
  /** Bytes that one WRITE carries at the most. */
  readonly writeLength: number;
  /** Handles that the server keeps open; 0 where it does not say. */
  readonly openHandles: number;
}

/** What every server has to take (draft-ietf-secsh-filexfer-02 §3). */
const LEAST_DATA = 32 * 1024;
/** Room in a packet for what is not data, as OpenSSH leaves it. */
const ROOM = 1024;

/** The limits of a server that says nothing. */
export const DEFAULT_LIMITS: SftpLimits = {
  readLength: LEAST_DATA,
  writeLength: LEAST_DATA,
  openHandles: 0,
};

/** The limits that an answer to limits@openssh.com tells. Throws `protocol` for a malformed one. */
export function limitsOf(data: Uint8Array): SftpLimits {
  const told = limits.reply.decode(data);
  // a server without a limit for packets still has to take ours
  const packet = clamp(told.maxPacketLength, LARGEST_PACKET) ?? LARGEST_PACKET;
  const most = Math.max(1, Math.min(LARGEST_DATA, packet - ROOM));
  return {
    readLength: clamp(told.maxReadLength, most) ?? Math.min(LEAST_DATA, most),
    writeLength: clamp(told.maxWriteLength, most) ?? Math.min(LEAST_DATA, most),
    openHandles: clamp(told.maxOpenHandles, Number.MAX_SAFE_INTEGER) ?? 0,
  };
}

/** `undefined` where the server has no limit to tell. */
function clamp(told: bigint, most: number): number | undefined {
  return told === 0n ? undefined : Number(told < BigInt(most) ? told : BigInt(most));
}
