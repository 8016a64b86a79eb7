import { describe, expect, it } from '@jest/globals';
import { freePacketOf } from '../../src/channels/packet-memory.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';

const DATA = 32 * 1024;

/** A plaintext: padding_length, head, data, padding. */
function plaintextOf(dataLength: number, padding: number): Uint8Array {
  const plaintext = new Uint8Array(10 + dataLength + padding);
  plaintext[0] = padding;
  return plaintext;
}

describe('the memory of a packet', () => {
  it.each([4, 255])('is freed with its data (padding of %s bytes)', (padding) => {
    const plaintext = plaintextOf(DATA, padding);
    freePacketOf(plaintext.subarray(10, 10 + DATA), nodeProvider);
    expect(plaintext.length).toBe(0);
  });

  it.each([
    [11, 10 + DATA],
    [10, 10 + DATA - 1],
    [10, 10 + DATA + 1],
    [9, 10 + DATA],
  ])('stays when a piece of it, from %s to %s, is given back', (start, end) => {
    const plaintext = plaintextOf(DATA, 6);
    freePacketOf(plaintext.subarray(start, end), nodeProvider);
    expect(plaintext.length).toBe(10 + DATA + 6);
  });

  it('stays where nothing frees it', () => {
    const plaintext = plaintextOf(DATA, 6);
    freePacketOf(plaintext.subarray(10, 10 + DATA), nobleProvider);
    expect(plaintext.length).toBe(10 + DATA + 6);
  });
});
