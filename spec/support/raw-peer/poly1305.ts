/** Poly1305 (RFC 8439 §2.5) from its definition, in BigInt: node:crypto has it only inside an AEAD of another shape. */

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** The tag of a message under a one-time key of 32 bytes. */
export function poly1305(key: Uint8Array, message: Uint8Array): Buffer {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP;
  const s = littleEndian(key.subarray(16, 32));
  let accumulator = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    const number = littleEndian(block) + (1n << BigInt(8 * block.length));
    accumulator = ((accumulator + number) * r) % PRIME;
  }
  return Buffer.from(
    ((accumulator + s) & ((1n << 128n) - 1n)).toString(16).padStart(32, '0'),
    'hex',
  ).reverse();
}

function littleEndian(bytes: Uint8Array): bigint {
  const hex = Buffer.from(bytes).reverse().toString('hex');
  return hex === '' ? 0n : BigInt(`0x${hex}`);
}
