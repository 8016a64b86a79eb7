import { describe, expect, it } from '@jest/globals';
import { modpGroup } from '../../src/crypto/modp.ts';
import { parseModuli } from '../../src/transport/moduli.ts';

const { p } = modpGroup(2048);
const HEX = p.toString(16).toUpperCase();

function line(fields: Partial<Record<'type' | 'tests' | 'size' | 'g' | 'p', string>> = {}): string {
  const { type = '2', tests = '6', size = '2047', g = '2' } = fields;
  return `20220717143701 ${type} ${tests} 100 ${size} ${g} ${fields.p ?? HEX}`;
}

describe('parseModuli', () => {
  it('reads the groups of a file', () => {
    const text = ['# $OpenBSD: moduli$', '# Time Type Tests', line(), '', line({ g: '5' }), ''];
    expect(parseModuli(text.join('\n'))).toEqual([
      { p, g: 2n },
      { p, g: 5n },
    ]);
  });

  it.each([
    ['a prime that is not known to be safe', line({ type: '4' })],
    ['a number found composite', line({ tests: '7' })],
    ['a number that was only sieved', line({ tests: '2' })],
    ['a size that is not the modulus’s', line({ size: '2046' })],
    ['a generator of 1', line({ g: '1' })],
    ['a generator that is no number', line({ g: '-2' })],
    ['a modulus that is no number', line({ p: `${HEX.slice(0, -1)}Z` })],
    ['a line cut short', line().slice(0, 30)],
    ['a comment', `# ${line()}`],
  ])('passes over %s', (_, text) => {
    expect(parseModuli(`${text}\n${line()}`)).toEqual([{ p, g: 2n }]);
  });
});
