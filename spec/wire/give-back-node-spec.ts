import { describe, expect, it } from '@jest/globals';
import { giveBack } from '../../src/wire/give-back-node.ts';
import { nodeProvider } from '../../src/crypto/node-provider.ts';

const LARGE = 64 * 1024;

describe('giveBack', () => {
  it('frees a large result at once', () => {
    const result = nodeProvider.aesCtr(
      new Uint8Array(16),
      new Uint8Array(16),
    )(new Uint8Array(LARGE));
    giveBack(result);
    expect(result.buffer.byteLength).toBe(0);
  });

  it('keeps memory from growing, however much is given back', () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 2000; round++) giveBack(new Uint8Array(LARGE));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * LARGE);
  });

  it('leaves small results alone, and views of something larger', () => {
    const small = new Uint8Array(64);
    giveBack(small);
    expect(small).toHaveLength(64);

    const larger = new Uint8Array(2 * LARGE);
    giveBack(larger.subarray(LARGE));
    expect(larger).toHaveLength(2 * LARGE);
  });

  it('holds no process open', () => {
    expect(process.getActiveResourcesInfo()).not.toContain('MessagePort');
  });
});
