/** Stream ciphers that take up where they were. */
import type { StreamCipher } from './provider.ts';

/**
 * A stream cipher from one that moves on by whole blocks only: what was used of the last block is put in front of the next
 * input, and cut off again.
 */
export function resumable(blockLength: number, apply: StreamCipher): StreamCipher {
  let used = 0;
  return (input) => {
    if (used === 0) {
      used = input.length % blockLength;
      return apply(input);
    }
    const shifted = new Uint8Array(used + input.length);
    shifted.set(input, used);
    const output = apply(shifted).slice(used);
    used = shifted.length % blockLength;
    return output;
  };
}
