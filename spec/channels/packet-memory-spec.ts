import { describe, expect, it } from '@jest/globals';
import { freePacketOf } from '../../src/channels/packet-memory.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { nobleProvider } from '../../src/crypto/noble-provider.ts';

const DATA = 32 * 1024;

describe('the memory of a packet', () => {
  it('is freed with its data', () => {
    const plaintext = new Uint8Array(10 + DATA + 255);
    freePacketOf(plaintext.subarray(10, 10 + DATA), nodeProvider);
    expect(plaintext.length).toBe(0);
  });

  it('stays when it holds more than one packet has', () => {
    const memory = new Uint8Array(2 * DATA);
    freePacketOf(memory.subarray(0, DATA), nodeProvider);
    expect(memory.length).toBe(2 * DATA);
  });

  it('stays where nothing frees it', () => {
    const plaintext = new Uint8Array(DATA);
    freePacketOf(plaintext, nobleProvider);
    expect(plaintext.length).toBe(DATA);
  });
});
