import { describe, expect, it } from '@jest/globals';
import { parseLocation } from '../../src/cli/transfer-location.ts';

describe('a location', () => {
  it.each([
    ['db1:/var/log', { host: 'db1' }, '/var/log'],
    ['db1:', { host: 'db1' }, ''],
    ['me@db1:a b', { host: 'db1', user: 'me' }, 'a b'],
    ['db1:2222:x', { host: 'db1', port: 2222 }, 'x'],
    ['db1:2222', { host: 'db1' }, '2222'],
    ['db1:./22:x', { host: 'db1' }, './22:x'],
    ['db1:a:b', { host: 'db1' }, 'a:b'],
    ['[::1]:x', { host: '::1' }, 'x'],
    ['me@[::1]:22:/x', { host: '::1', user: 'me', port: 22 }, '/x'],
    ['ssh://me@db1:2222/a', { host: 'db1', user: 'me', port: 2222 }, 'a'],
    ['sftp://db1//etc', { host: 'db1' }, '/etc'],
    ['scp://[::1]', { host: '::1' }, ''],
    ['db1:a\nb', { host: 'db1' }, 'a\nb'],
  ])('%j', (text, target, path) => {
    expect(parseLocation(text)).toMatchObject({ host: { target }, path });
  });

  it.each(['db1', '/a:b', './a:b', ':x', ''])('is none: %j', (text) => {
    expect(() => parseLocation(text)).toThrow(/expected HOST:PATH/);
  });

  it.each(['-oProxyCommand=x:a', 'a@-b:x', 'db1:0:x', 'db$:x'])(
    'L1, L2: has no host: %j',
    (text) => {
      expect(() => parseLocation(text)).toThrow(/is not a host name|a port that is none/);
    },
  );

  it('has no NUL', () => {
    expect(() => parseLocation('db1:a\0b')).toThrow('NUL');
  });
});
