/** The padding rule (RFC 4253 §6), for every suite. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultProvider } from '#crypto';
import { plainSealer } from '../../src/crypto/plain.ts';
import type { PacketShape } from '../../src/crypto/suite.ts';
import { PACKET_HEADER, paddingLength } from '../../src/transport/padding.ts';
import { sealerOf, SUITES } from '../support/suites.ts';

const SHAPES: readonly { readonly name: string; readonly shape: PacketShape }[] = [
  { name: 'no keys yet', shape: plainSealer },
  ...SUITES.map((suite) => ({ name: suite.name, shape: sealerOf(suite, defaultProvider) })),
];

describe.each(SHAPES)('paddingLength under $name', ({ shape }) => {
  it('is 4 to 255 bytes, ends on a block, and never makes a packet of fewer than 16', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70_000 }), (payloadLength) => {
        const padding = paddingLength(shape, payloadLength);
        const total = PACKET_HEADER + payloadLength + padding;
        const aligned = shape.lengthIsAligned ? total : total - 4;
        expect(padding).toBeGreaterThanOrEqual(4);
        expect(padding).toBeLessThanOrEqual(255);
        expect(aligned % shape.blockSize).toBe(0);
        expect(total).toBeGreaterThanOrEqual(16);
      }),
    );
  });

  it('is no longer than it has to be', () => {
    for (let payloadLength = 1; payloadLength < 100; payloadLength++) {
      const shorter = paddingLength(shape, payloadLength) - shape.blockSize;
      const total = PACKET_HEADER + payloadLength + shorter;
      expect(shorter < 4 || total < 16).toBe(true);
    }
  });
});

describe('paddingLength', () => {
  it.each([
    { blockSize: 8, lengthIsAligned: true, payload: 1, padding: 10 },
    { blockSize: 8, lengthIsAligned: true, payload: 7, padding: 4 },
    { blockSize: 8, lengthIsAligned: true, payload: 8, padding: 11 },
    { blockSize: 16, lengthIsAligned: true, payload: 7, padding: 4 },
    { blockSize: 16, lengthIsAligned: false, payload: 11, padding: 4 },
    { blockSize: 16, lengthIsAligned: false, payload: 12, padding: 19 },
    // 12 bytes would end on a block, but a packet has 16
    { blockSize: 8, lengthIsAligned: false, payload: 1, padding: 14 },
  ])('$payload bytes, blocks of $blockSize, length aligned: $lengthIsAligned → $padding', (row) => {
    expect(paddingLength({ ...row, tagLength: 0 }, row.payload)).toBe(row.padding);
  });
});
