import { describe, expect, it } from '@jest/globals';
import { type GlobSegment, globPatterns, hasGlob } from '../../../src/sftp/trees/glob-pattern.ts';

function matchesOne(pattern: string, name: string): boolean {
  return globPatterns(pattern).some(({ segments: [segment] }) => matchesSegment(segment, name));
}

function matchesSegment(segment: GlobSegment | undefined, name: string): boolean {
  if (segment?.kind === 'name') return segment.name === name;
  return segment?.kind === 'pattern' && segment.matches(name);
}

describe('globPatterns', () => {
  it.each<[pattern: string, name: string, isMatch: boolean]>([
    ['*', 'a', true],
    ['*', '.a', false],
    ['.*', '.a', true],
    ['?a', '.a', false],
    ['[.]a', '.a', false],
    ['a*c', 'abbbc', true],
    ['a*c', 'ac', true],
    ['a*c', 'acb', false],
    ['*a*b*', 'xxaxxbxx', true],
    ['*a*b*', 'xxbxxaxx', false],
    ['?', 'ä', true],
    ['?', '🙂', true],
    ['?', '', false],
    ['[a-c]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['[!a-c]x', 'dx', true],
    ['[^a-c]x', 'bx', false],
    ['[]]', ']', true],
    ['[a-]', '-', true],
    ['[\\]]', ']', true],
    ['[a', '[a', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\?*', 'a?b', true],
    ['*.{log,err}', 'x.err', true],
    ['*.{log,err}', 'x.out', false],
    ['{a,b{c,d}}', 'bd', true],
    ['{a,b{c,d}}', 'b', false],
    ['{a}', '{a}', true],
    ['{a,b', '{a,b', true],
    ['\\{a,b\\}', '{a,b}', true],
    ['a**b', 'axxb', true],
    ['*', '\u{fffd}', true],
    ['.+(x)$', '.+(x)$', true],
  ])('%s matches %s: %s', (pattern, name, isMatch) => {
    expect(matchesOne(pattern, name)).toBe(isMatch);
  });

  it('cuts a path into names, and takes ** for any folders', () => {
    const [pattern] = globPatterns('/a//**/**/b*/');
    expect(pattern?.isAbsolute).toBe(true);
    expect(pattern?.segments.map(({ kind }) => kind)).toEqual([
      'name',
      'folders',
      'pattern',
      'name',
    ]);
    expect(pattern?.segments.at(-1)).toEqual({ kind: 'name', name: '' });
  });

  it('refuses braces that stand for too much', () => {
    expect(() => globPatterns('{a,b}'.repeat(11))).toThrow(/more than 1024/);
    expect(globPatterns('{a,b}'.repeat(10))).toHaveLength(1024);
  });

  it('takes a pattern of many stars in its stride', () => {
    expect(matchesOne(`${'*a'.repeat(50)}*b`, 'a'.repeat(10_000))).toBe(false);
  });

  it('knows what is no pattern', () => {
    expect(['a/b.c', '[', 'a*'].map(hasGlob)).toEqual([false, true, true]);
  });
});
