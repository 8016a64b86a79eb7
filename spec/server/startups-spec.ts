import { describe, expect, it } from '@jest/globals';
import {
  DEFAULT_STARTUP_LIMITS,
  dropChance,
  type MaxStartups,
  maxStartupsOf,
  Startups,
} from '../../src/server/startups.ts';

const startups = (start: number, rate: number, full: number): MaxStartups => ({
  start,
  rate,
  full,
});

describe('MaxStartups (R1)', () => {
  const rows: readonly (readonly [MaxStartups, ...(readonly [number, number])[]])[] = [
    // sshd's example: 30 of a hundred at 10, all at 60
    [startups(10, 30, 60), [0, 0], [9, 0], [10, 0.3], [35, 0.65], [59, 0.986], [60, 1], [1e6, 1]],
    [startups(1, 30, 3), [0, 0], [1, 0.3], [2, 0.65], [3, 1]],
    [startups(1, 30, 1), [0, 0], [1, 1]],
    [startups(0, 100, 0), [0, 1]],
    [startups(0, 0, 2), [0, 0], [1, 0.5], [2, 1]],
    [startups(10, 100, 100), [9, 0], [10, 1], [50, 1]],
  ];
  it.each(rows.map(([limit, ...chances]) => ({ limit, chances })))('%j', ({ limit, chances }) => {
    for (const [count, chance] of chances) expect(dropChance(count, limit)).toBeCloseTo(chance, 2);
  });

  it('is a number, or three that fit', () => {
    expect(maxStartupsOf(5)).toEqual(startups(5, 100, 5));
    for (const wrong of [startups(2, 30, 1), startups(1, 101, 2), startups(1, -1, 2), Number.NaN]) {
      expect(() => maxStartupsOf(wrong)).toThrow(expect.objectContaining({ kind: 'config' }));
    }
  });

  it('turns away by chance, and in all cases when it is full', () => {
    let chance = 0;
    const counted = new Startups(
      { maxStartups: startups(2, 50, 4), maxPerSource: 100 },
      () => chance,
    );
    for (let i = 0; i < 2; i++) {
      expect(counted.exceeded('a')).toBeUndefined();
      counted.begin('a');
    }
    chance = 0.49;
    expect(counted.exceeded('b')).toBe('maxStartups');
    chance = 0.51;
    expect(counted.exceeded('b')).toBeUndefined();
    const slots = [counted.begin('b'), counted.begin(undefined)];
    chance = 0.999;
    expect(counted.exceeded('b')).toBe('maxStartups');
    for (const slot of slots) slot.unsubscribe();
    expect(counted.exceeded('b')).toBeUndefined();
  });

  it('counts each source by itself, and a slot once', () => {
    const counted = new Startups({ ...DEFAULT_STARTUP_LIMITS, maxPerSource: 2 }, () => 0.99);
    const [first] = [counted.begin('a'), counted.begin('a')];
    expect([counted.exceeded('a'), counted.exceeded('b')]).toEqual(['maxPerSource', undefined]);
    first.unsubscribe();
    first.unsubscribe();
    expect(counted.exceeded('a')).toBeUndefined();
    counted.begin('a');
    expect(counted.exceeded('a')).toBe('maxPerSource');
    expect(counted.exceeded(undefined)).toBeUndefined();
  });
});
