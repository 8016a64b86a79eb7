import { describe, expect, it } from '@jest/globals';
import { FlightBudget } from '../../../src/sftp/client/flight-budget.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const BLOCK = 256 * KiB;

/** A way of this round trip and rate, on which as much as the budget allows is always under way. */
function budgetOn(roundTrip: number, bytesPerMs: number, most = 16 * MiB): FlightBudget {
  const budget = new FlightBudget(BLOCK, most);
  let now = 0;
  let free = 0;
  const underWay: { sentAt: number; dueAt: number }[] = [];
  for (let answered = 0; answered < 3000; answered++) {
    while (underWay.length * BLOCK < budget.bytes) {
      free = Math.max(free, now) + BLOCK / bytesPerMs;
      underWay.push({ sentAt: now, dueAt: free + roundTrip });
    }
    const next = underWay.shift();
    if (next === undefined) break;
    now = next.dueAt;
    budget.answered(BLOCK, next.sentAt, now);
  }
  return budget;
}

describe('the budget of requests in flight', () => {
  it('begins with one request, and grows with each answer to 2 MiB', () => {
    const budget = new FlightBudget(BLOCK, 16 * MiB);
    const sizes = Array.from({ length: 9 }, () => {
      const before = budget.bytes;
      budget.answered(BLOCK, 0, 1);
      return before / BLOCK;
    });
    expect(sizes).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 8]);
  });

  it('stays there for a near server, however fast or slow', () => {
    expect(budgetOn(0, 1000 * KiB).bytes).toBe(2 * MiB);
    expect(budgetOn(0.2, 1000 * KiB).bytes).toBe(2 * MiB);
    expect(budgetOn(1, 10 * KiB).bytes).toBe(2 * MiB);
  });

  it('fills a long way, up to its limit', () => {
    const [wide, wider] = [budgetOn(50, 100 * KiB).bytes, budgetOn(50, 1000 * KiB).bytes];
    // 100 KiB a millisecond for 50 of them are 5 MiB under way
    expect(wide).toBeGreaterThanOrEqual(5 * MiB);
    expect(wide).toBeLessThanOrEqual(12 * MiB);
    expect(wider).toBe(16 * MiB);
    expect(budgetOn(50, 1000 * KiB, 4 * MiB).bytes).toBe(4 * MiB);
  });

  it('does not grow because answers wait in a queue', () => {
    const budget = budgetOn(5, 50 * KiB);
    expect(budget.bytes).toBeLessThanOrEqual(2 * MiB);
  });
});
