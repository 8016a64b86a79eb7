import { getHeapSpaceStatistics } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { weigh } from '../../src/wire/ballast.ts';

const LARGE = 64 * 1024;
const ROUNDS = 64;

describe('weigh', () => {
  it('makes the young heap feel half of what is handed out', () => {
    const felt = feltWhile(() => weigh(new Uint8Array(LARGE)));
    expect(felt).toBeGreaterThan((ROUNDS * LARGE * 3) / 8);
    expect(felt).toBeLessThan((ROUNDS * LARGE * 3) / 4);
  });

  it('feels pieces that are smaller or larger just as much', () => {
    for (const count of [2, 16]) {
      const pieces = Array.from({ length: count }, () => new Uint8Array(LARGE / count));
      const felt = feltWhile(() => pieces.forEach((piece) => weigh(piece)));
      expect(felt).toBeGreaterThan((ROUNDS * LARGE * 3) / 8);
    }
    const large = new Uint8Array(8 * LARGE);
    const felt = feltWhile(() => weigh(large), ROUNDS / 8);
    expect(felt).toBeGreaterThan((ROUNDS * LARGE) / 4);
  });

  it('does not count the smallest', () => {
    const small = new Uint8Array(1024);
    const felt = feltWhile(() => {
      for (let at = 0; at < LARGE; at += small.length) weigh(small);
    });
    expect(felt).toBeLessThan((ROUNDS * LARGE) / 8);
  });

  it('does not count what was given back meanwhile', () => {
    const freed = new Uint8Array(LARGE);
    structuredClone(freed, { transfer: [freed.buffer] });
    expect(feltWhile(() => weigh(freed))).toBeLessThan((ROUNDS * LARGE) / 8);
  });
});

/** Bytes that the young heap grew by, round for round; what a collection took away in between is not counted. */
function feltWhile(work: () => void, rounds = ROUNDS): number {
  let felt = 0;
  for (let round = 0; round < rounds; round++) {
    const before = youngBytes();
    work();
    felt += Math.max(0, youngBytes() - before);
  }
  return felt;
}

function youngBytes(): number {
  const space = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
  return space?.space_used_size ?? 0;
}
