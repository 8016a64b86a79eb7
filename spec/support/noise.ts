/** Bytes for transfers, and what tells whether they have come. */
import { createHash } from 'node:crypto';

/** Bytes of which no two blocks are alike. */
export function noise(length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  let value = 1;
  for (let at = 0; at < words.length; at++) {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = value;
  }
  return new Uint8Array(words.buffer);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
