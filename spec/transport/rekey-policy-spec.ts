import { describe, expect, it } from '@jest/globals';
import { DEFAULT_REKEY_LIMITS, isWornOut } from '../../src/transport/rekey-policy.ts';

describe('isWornOut', () => {
  const limits = { bytes: 1000, packets: 10, milliseconds: 0 };
  it.each([
    { bytes: 0, packets: 0, expected: false },
    { bytes: 999, packets: 9, expected: false },
    { bytes: 1000, packets: 1, expected: true },
    { bytes: 1, packets: 10, expected: true },
    { bytes: 5000, packets: 50, expected: true },
  ])('$bytes bytes, $packets packets: $expected', ({ bytes, packets, expected }) => {
    expect(isWornOut(limits, { bytes, packets })).toBe(expected);
  });
});

describe('a limit of 0', () => {
  it('is none for bytes', () => {
    const limits = { bytes: 0, packets: 10, milliseconds: 0 };
    expect(isWornOut(limits, { bytes: 2 ** 40, packets: 1 })).toBe(false);
  });
});

describe('packets under one key', () => {
  it.each([0, 2 ** 31, 2 ** 33, Number.POSITIVE_INFINITY])(
    'are never more than half of the sequence numbers, with a limit of %d too',
    (packets) => {
      const limits = { bytes: 0, packets, milliseconds: 0 };
      expect(isWornOut(limits, { bytes: 0, packets: 2 ** 31 - 1 })).toBe(false);
      expect(isWornOut(limits, { bytes: 0, packets: 2 ** 31 })).toBe(true);
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
