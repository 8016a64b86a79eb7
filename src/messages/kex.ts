/** Messages 30 to 49: their meaning depends on the key exchange method (RFC 4253 §7). */
import { mpint, string, uint32 } from '../wire/fields.ts';
import { message, type MessageOf } from '../wire/message.ts';

/**
 * RFC 5656 §4, RFC 8731 §3.1. The hybrid methods send their C_INIT in the same place, and KEXDH_INIT (RFC 4253 §8) has the same
 * form: e is an mpint, which is a string of bytes.
 */
export const KEX_ECDH_INIT = message(30, 'KEX_ECDH_INIT', { clientPublicKey: string });

/** RFC 5656 §4. The hybrid methods send their S_REPLY in the same place, and KEXDH_REPLY (RFC 4253 §8) its f. */
export const KEX_ECDH_REPLY = message(31, 'KEX_ECDH_REPLY', {
  hostKey: string,
  serverPublicKey: string,
  signature: string,
});

/** RFC 4419 §3: sizes in bits. The older form with one size (30) is not understood. */
export const KEX_DH_GEX_REQUEST = message(34, 'KEX_DH_GEX_REQUEST', {
  min: uint32,
  preferred: uint32,
  max: uint32,
});

/** RFC 4419 §3. */
export const KEX_DH_GEX_GROUP = message(31, 'KEX_DH_GEX_GROUP', { p: mpint, g: mpint });

/** RFC 4419 §3: `clientPublicKey` is e, as the bytes of its mpint. */
export const KEX_DH_GEX_INIT = message(32, 'KEX_DH_GEX_INIT', { clientPublicKey: string });

/** RFC 4419 §3: `serverPublicKey` is f, as the bytes of its mpint. */
export const KEX_DH_GEX_REPLY = message(33, 'KEX_DH_GEX_REPLY', {
  hostKey: string,
  serverPublicKey: string,
  signature: string,
});

/** Messages of the methods with one public value each way. */
export const ECDH_MESSAGES = [KEX_ECDH_INIT, KEX_ECDH_REPLY] as const;

/** Messages of group exchange. */
export const GROUP_EXCHANGE_MESSAGES = [
  KEX_DH_GEX_REQUEST,
  KEX_DH_GEX_GROUP,
  KEX_DH_GEX_INIT,
  KEX_DH_GEX_REPLY,
] as const;

/** Any message of a key exchange method. */
export type KexMessage = MessageOf<
  (typeof ECDH_MESSAGES)[number] | (typeof GROUP_EXCHANGE_MESSAGES)[number]
>;
