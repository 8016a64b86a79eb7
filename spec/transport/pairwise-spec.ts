/** The generator of combinations that the proofs against real servers stand on. */
import { expect, it } from '@jest/globals';
import { pairwise, product } from '../support/pairwise.ts';

const LISTS = [
  ['a', 'b', 'c', 'd'],
  ['1', '2', '3'],
  ['x', 'y', 'z', 'w', 'v'],
  ['+', '-'],
];

it('has any two values together, in far fewer rows than all', () => {
  const rows = pairwise(LISTS);
  LISTS.forEach((values, a) => {
    LISTS.forEach((others, b) => {
      if (a === b) return;
      for (const value of values)
        for (const other of others)
          expect(rows.some((row) => row[a] === value && row[b] === other)).toBe(true);
    });
  });
  expect(rows.length).toBeGreaterThanOrEqual(20);
  expect(rows.length).toBeLessThan(30);
  expect(product(LISTS)).toHaveLength(120);
});
