/** Which Ed25519 public keys are worth verifying with: libraries differ, and SSH must not (RFC 8032 §5.1.3, RFC 8709). */
import { equalBytes, fromHex } from '../wire/bytes.ts';

/** Length of a public key and of a seed in bytes. */
export const ED25519_KEY_LENGTH = 32;
/** Length of a signature in bytes. */
export const ED25519_SIGNATURE_LENGTH = 64;

/**
 * The y coordinates of the eight points of small order, little-endian, without the sign of x. Under such a key one signature
 * verifies for any message.
 */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((digits) => fromHex(digits));

/** Is this the canonical encoding of a point that is not of small order? Whether it is on the curve is left to the verifier. */
export function isSafeEd25519Key(publicKey: Uint8Array): boolean {
  if (publicKey.length !== ED25519_KEY_LENGTH) return false;
  const y = publicKey.slice();
  y[31] = (y[31] ?? 0) & 0x7f;
  return isReduced(y) && !SMALL_ORDER_Y.some((small) => equalBytes(small, y));
}

/** Is y below the field's prime 2²⁵⁵ − 19? Only y of the form ed…ff7f and above are not. */
function isReduced(y: Uint8Array): boolean {
  if (y[31] !== 0x7f || (y[0] ?? 0) < 0xed) return true;
  return y.subarray(1, 31).some((byte) => byte !== 0xff);
}
