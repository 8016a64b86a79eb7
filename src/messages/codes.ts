/** Code numbers of the protocol, by their RFC names. */

/** Why a connection ends (RFC 4253 §11.1). */
export const DisconnectReason = {
  HOST_NOT_ALLOWED_TO_CONNECT: 1,
  PROTOCOL_ERROR: 2,
  KEY_EXCHANGE_FAILED: 3,
  RESERVED: 4,
  MAC_ERROR: 5,
  COMPRESSION_ERROR: 6,
  SERVICE_NOT_AVAILABLE: 7,
  PROTOCOL_VERSION_NOT_SUPPORTED: 8,
  HOST_KEY_NOT_VERIFIABLE: 9,
  CONNECTION_LOST: 10,
  BY_APPLICATION: 11,
  TOO_MANY_CONNECTIONS: 12,
  AUTH_CANCELLED_BY_USER: 13,
  NO_MORE_AUTH_METHODS_AVAILABLE: 14,
  ILLEGAL_USER_NAME: 15,
} as const;

/** Why a channel was not opened (RFC 4254 §5.1). */
export const OpenFailureReason = {
  ADMINISTRATIVELY_PROHIBITED: 1,
  CONNECT_FAILED: 2,
  UNKNOWN_CHANNEL_TYPE: 3,
  RESOURCE_SHORTAGE: 4,
} as const;

/** What extended data is (RFC 4254 §5.2). */
export const ExtendedDataType = { STDERR: 1 } as const;

/** The RFC's name of a code, or its digits when it has none. */
export function nameOfCode(codes: Readonly<Record<string, number>>, code: number): string {
  for (const [name, value] of Object.entries(codes)) if (value === code) return name;
  return String(code);
}
