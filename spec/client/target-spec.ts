import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSshError } from '../../src/errors.ts';
import {
  checkHost,
  checkPort,
  checkUser,
  parseTarget,
  type Target,
} from '../../src/client/target.ts';

describe('a target', () => {
  it.each<[string, Target]>([
    ['db1', { host: 'db1' }],
    ['deploy@db1', { host: 'db1', user: 'deploy' }],
    ['deploy@db1:2222', { host: 'db1', user: 'deploy', port: 2222 }],
    ['db1:22', { host: 'db1', port: 22 }],
    ['db1.example.org', { host: 'db1.example.org' }],
    ['192.0.2.1:65535', { host: '192.0.2.1', port: 65_535 }],
    ['::1', { host: '::1' }],
    ['fe80::1%eth0', { host: 'fe80::1%eth0' }],
    ['::ffff:192.0.2.1', { host: '::ffff:192.0.2.1' }],
    ['[::1]', { host: '::1' }],
    ['[::1]:22', { host: '::1', port: 22 }],
    ['me@[2001:db8::1]:22', { host: '2001:db8::1', user: 'me', port: 22 }],
    ['[db1]:22', { host: 'db1', port: 22 }],
    ['ssh://db1', { host: 'db1' }],
    ['ssh://me@db1:22/', { host: 'db1', user: 'me', port: 22 }],
    ['ssh://me@[::1]:22', { host: '::1', user: 'me', port: 22 }],
    ['ssh://me%40example.org@db1', { host: 'db1', user: 'me@example.org' }],
    ['ssh://me;fingerprint=SHA256-x@db1:22', { host: 'db1', user: 'me', port: 22 }],
    ['DOMAIN/me@db1', { host: 'db1', user: 'DOMAIN/me' }],
    ['me@example.org@db1', { host: 'db1', user: 'me@example.org' }],
    ['DOMAIN.me@db1', { host: 'db1', user: 'DOMAIN.me' }],
  ])('%s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
  });

  it.each([
    '',
    ' ',
    '@db1',
    'me@',
    '-oProxyCommand=x',
    '-l@db1',
    'me@-x',
    'ssh://',
    'ssh://-x',
    'db1:',
    'db1:0',
    'db1:65536',
    'db1:22x',
    'db1:-1',
    'db1: 22',
    'db1:222222',
    'a:b:c',
    'db1:22:33',
    '[::1',
    '[::1]x',
    '[]:22',
    '[a:b:c]:22',
    '[::1]:',
    'a b',
    'a\nb',
    'a\0b',
    'db1/etc',
    'ssh://db1/etc',
    'ssh://m%@db1',
    'ssh://m%00e@db1',
    'ssh://%2Dl@db1',
    'ssh://%24(x)@db1',
    'me;x@db1',
    'm e@db1',
    '$(x)@db1',
    '`x`@db1',
    'db$1',
    'db1\u202e',
    "me'@db1",
    'a\u001b[31m@db1',
    'http://db1',
    'bücher.example',
  ])('L1, L2: is not %j', (text) => {
    let error: unknown;
    try {
      parseTarget(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(isSshError(error, 'config') && error.detail.option).toBe('host');
    // what was wrong is shown, and shown safely
    expect((error as Error).message).toContain(JSON.stringify(text));
  });

  it.each([
    ['http://db1', 'is not a host name'],
    ['db1:22/etc', 'is not a host name'],
    ['ssh://db1:22/etc', 'has a path behind the host'],
    ['db1:x', 'has a port that is none'],
    ['ssh://m%@db1', 'has a user name that is not allowed'],
  ])('of %j says what is wrong', (text, problem) => {
    expect(() => parseTarget(text)).toThrow(`"${text}" ${problem}`);
  });

  it('is read, or refused with config, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('ab1.:@[]-%/ ssh\0é')) }),
        (text) => {
          try {
            const { host, port, user } = parseTarget(text);
            expect(host).toMatch(/^[A-Za-z0-9_.:%][A-Za-z0-9_.:%-]*$/);
            expect(port === undefined || (port > 0 && port < 65_536)).toBe(true);
            expect(user?.startsWith('-') ?? false).toBe(false);
          } catch (error) {
            if (!isSshError(error, 'config')) throw error;
          }
        },
      ),
    );
  });

  it('can be checked in its parts', () => {
    expect(() => checkHost('db1')).not.toThrow();
    expect(() => checkHost('-db1')).toThrow('"-db1" is not a host name');
    expect(() => checkUser('me')).not.toThrow();
    expect(() => checkUser('-me')).toThrow('"-me" has a user name that is not allowed');
    for (const port of [0, -1, 1.5, 65_536, Number.NaN])
      expect(() => checkPort(port, 'db1')).toThrow('port');
  });
});
