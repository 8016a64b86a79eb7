import { describe, expect, it } from '@jest/globals';
import { DEFAULT_REKEY_LIMITS, isWornOut } from '../../src/transport/rekey-policy.ts';

const AES = { blockSize: 16 };

describe('isWornOut', () => {
  const limits = { bytes: 1000, packets: 10, milliseconds: 0 };
  it.each([
    { bytes: 0, packets: 0, expected: false },
    { bytes: 999, packets: 9, expected: false },
    { bytes: 1000, packets: 1, expected: true },
    { bytes: 1, packets: 10, expected: true },
    { bytes: 5000, packets: 50, expected: true },
  ])('$bytes bytes, $packets packets: $expected', ({ bytes, packets, expected }) => {
    expect(isWornOut(limits, { bytes, packets }, AES)).toBe(expected);
  });
});

describe('a limit of 0', () => {
  it.each([
    { blockSize: 16, most: 2 ** 36 },
    { blockSize: 8, most: 2 ** 30 },
  ])(
    'is none for bytes but that of a cipher with blocks of $blockSize (RFC 4344 §3.2)',
    ({ blockSize, most }) => {
      for (const bytes of [0, 2 ** 40]) {
        const limits = { bytes, packets: 10, milliseconds: 0 };
        expect(isWornOut(limits, { bytes: most - 1, packets: 1 }, { blockSize })).toBe(false);
        expect(isWornOut(limits, { bytes: most, packets: 1 }, { blockSize })).toBe(true);
      }
    },
  );
});

describe('packets under one key', () => {
  it.each([0, 2 ** 31, 2 ** 33, Number.POSITIVE_INFINITY])(
    'are never more than half of the sequence numbers, with a limit of %d too',
    (packets) => {
      const limits = { bytes: 0, packets, milliseconds: 0 };
      expect(isWornOut(limits, { bytes: 0, packets: 2 ** 31 - 1 }, AES)).toBe(false);
      expect(isWornOut(limits, { bytes: 0, packets: 2 ** 31 }, AES)).toBe(true);
    },
  );
});

describe('the limits by default', () => {
  it('are those of RFC 4253 §9, and stay below the wrap of the sequence number', () => {
    expect(DEFAULT_REKEY_LIMITS).toEqual({
      bytes: 1024 ** 3,
      packets: 2 ** 31,
      milliseconds: 60 * 60 * 1000,
    });
  });
});
