import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import { expandHosts } from '../../src/fleet/expand-hosts.ts';

describe('expandHosts', () => {
  it.each<readonly [pattern: string, names: readonly string[]]>([
    ['web1', ['web1']],
    ['', ['']],
    ['web[1-3]', ['web1', 'web2', 'web3']],
    ['web[01-03].example.org', ['web01.example.org', 'web02.example.org', 'web03.example.org']],
    ['web[08-11]', ['web08', 'web09', 'web10', 'web11']],
    ['web[099-101]', ['web099', 'web100', 'web101']],
    ['web[9-11]', ['web9', 'web10', 'web11']],
    ['web[1,3,5-6]', ['web1', 'web3', 'web5', 'web6']],
    ['[a,b,1-3].x', ['a.x', 'b.x', '1.x', '2.x', '3.x']],
    ['[a-c]', ['a', 'b', 'c']],
    ['[A-C]x', ['Ax', 'Bx', 'Cx']],
    ['[east-1,west-2]', ['east-1', 'west-2']],
    ['r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['deploy@web[1-2]:2222', ['deploy@web1:2222', 'deploy@web2:2222']],
    ['[::1]:22', ['[::1]:22']],
    ['[2001:db8::1]', ['[2001:db8::1]']],
    ['web[5-5]', ['web5']],
    ['web[0-1]', ['web0', 'web1']],
  ])('%s', (pattern, names) => {
    expect(expandHosts(pattern)).toEqual(names);
  });

  it('takes several patterns, in order', () => {
    expect(expandHosts(['b[1-2]', 'a'])).toEqual(['b1', 'b2', 'a']);
  });

  it.each<readonly [pattern: string, message: RegExp]>([
    ['web[1-3', /a \[ without its \] \(character 4\)/],
    ['web1-3]', /a \] without its \[ \(character 7\)/],
    ['a]b[1-2]', /a \] without its \[ \(character 2\)/],
    ['web[1-[2]]', /a \[ inside of brackets \(character 7\)/],
    ['web[]', /nothing between brackets or commas \(character 5\)/],
    ['web[1,,2]', /nothing between brackets or commas \(character 7\)/],
    ['web[1,]', /nothing between brackets or commas \(character 7\)/],
    ['web[3-1]', /runs backward \(character 5\)/],
    ['web[c-a]', /runs backward \(character 5\)/],
    ['web[a,3-1]', /runs backward \(character 7\)/],
    ['web[1-05]', /different numbers of digits \(character 5\)/],
    ['web[1-9999999999999999999]', /number that is too long \(character 5\)/],
    ['web[a b]', /a word that no host name holds \(character 5\)/],
    ['web[$(id)]', /a word that no host name holds \(character 5\)/],
    ['web[1-100001]', /more than 100000 hosts/],
    ['[1-1000][1-1000][1-1000][1-1000][1-1000][1-1000]', /more than 100000 hosts/],
  ])('%s is refused', (pattern, message) => {
    try {
      expandHosts(pattern);
    } catch (error) {
      expect(isSshError(error, 'config')).toBe(true);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).toContain(JSON.stringify(pattern));
      return;
    }
    throw new Error('it was not refused');
  });

  it('bounds all patterns together', () => {
    expect(() => expandHosts(['a[1-3]', 'b[1-3]'], { limit: 5 })).toThrow(/more than 5 hosts/);
    expect(expandHosts(['a[1-3]', 'b[1-2]'], { limit: 5 })).toHaveLength(5);
  });

  it('gives names or a config error, whatever the text', () => {
    const character = fc.constantFrom('[', ']', '-', ',', '0', '1', '9', 'a', 'z', ':', ' ', '\n');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 20 }), (pattern) => {
        try {
          const names = expandHosts(pattern, { limit: 1000 });
          expect(names.length).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect(isSshError(error, 'config')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
