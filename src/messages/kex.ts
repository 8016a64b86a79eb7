/** Messages 30 to 49: their meaning depends on the key exchange method (RFC 4253 §7). */
import { string } from '../wire/fields.ts';
import { message, type MessageOf } from '../wire/message.ts';

/** RFC 5656 §4, RFC 8731 §3.1; the hybrid methods send their C_INIT in the same place. */
export const KEX_ECDH_INIT = message(30, 'KEX_ECDH_INIT', { clientPublicKey: string });

/** RFC 5656 §4; the hybrid methods send their S_REPLY in the same place. */
export const KEX_ECDH_REPLY = message(31, 'KEX_ECDH_REPLY', {
  hostKey: string,
  serverPublicKey: string,
  signature: string,
});

/** Messages of the elliptic curve and hybrid methods. */
export const ECDH_MESSAGES = [KEX_ECDH_INIT, KEX_ECDH_REPLY] as const;

/** Any message of a key exchange method. */
export type KexMessage = MessageOf<(typeof ECDH_MESSAGES)[number]>;
