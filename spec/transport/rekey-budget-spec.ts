import { describe, expect, it } from '@jest/globals';
import { RekeyBudget } from '../../src/transport/rekey-budget.ts';

/** How many of 1000 exchanges are granted, each so much later and so many bytes behind the one before. */
function granted(milliseconds: number, bytes: number): number {
  const budget = new RekeyBudget(0);
  for (let count = 0; count < 1000; count++)
    if (!budget.spend(count * milliseconds, bytes)) return count;
  return 1000;
}

describe('A peer may ask for new keys (R5)', () => {
  it.each([
    ['a hundred times in a row', 0, 200, 100],
    ['once a second for ever', 1000, 0, 1000],
    ['twice a second, for a while', 500, 0, 199],
    ['with each full packet for ever, as fast as they come', 0, 32 * 1024, 1000],
    ['each 16 KiB, for a while', 0, 16 * 1024, 199],
  ])('%s', (_, milliseconds, bytes, expected) => {
    expect(granted(milliseconds, bytes)).toBe(expected);
  });

  it('again, when time has passed', () => {
    const budget = new RekeyBudget(0);
    for (let count = 0; count < 100; count++) expect(budget.spend(0, 0)).toBe(true);
    expect(budget.spend(1000, 0)).toBe(true);
    expect(budget.spend(1000, 0)).toBe(false);
    // a clock that was set back takes nothing away
    expect(budget.spend(0, 0)).toBe(false);
  });
});
