import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { matchesPatternList, matchesWildcard } from '../../src/keys/wildcards.ts';

describe('matchesWildcard', () => {
  it.each([
    ['', '', true],
    ['', '*', true],
    ['', '?', false],
    ['a', '?', true],
    ['ab', '?', false],
    ['ab', 'a*', true],
    ['ab', '*a', false],
    ['abcabc', '*abc', true],
    ['abcab', '*abc', false],
    ['aXbYb', 'a*b', true],
    ['a*b', 'a*b', true],
    ['mississippi', 'm*iss*pi', true],
    ['mississippi', 'm*iss*ppi?', false],
  ])('%j and %j: %j', (text, pattern, expected) => {
    expect(matchesWildcard(text, pattern)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    const alphabet = fc.constantFrom('a', 'b', '*', '?');
    fc.assert(
      fc.property(
        fc.string({ unit: alphabet, maxLength: 8 }),
        fc.string({ unit: alphabet, maxLength: 8 }),
        (text, pattern) => {
          const expression = new RegExp(`^${pattern.replaceAll('?', '.').replaceAll('*', '.*')}$`);
          expect(matchesWildcard(text, pattern)).toBe(expression.test(text));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('takes no time for patterns that are made to take long', () => {
    const started = performance.now();
    expect(matchesWildcard(`${'a'.repeat(1000)}b`, `${'*a'.repeat(40)}c`)).toBe(false);
    expect(matchesWildcard('a'.repeat(1000), `${'*a'.repeat(500)}*b`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(50);
  });
});

describe('matchesPatternList', () => {
  it.each([
    ['a', ['a'], true],
    ['a', [], false],
    ['a', ['b', '*'], true],
    ['a', ['*', '!a'], false],
    ['a', ['!a', '*'], false],
    ['b', ['!a', '*'], true],
    ['b', ['!a'], false],
  ])('%j in %j: %p', (text, patterns, expected) => {
    expect(matchesPatternList(patterns, (pattern) => matchesWildcard(text, pattern))).toBe(
      expected,
    );
  });
});
