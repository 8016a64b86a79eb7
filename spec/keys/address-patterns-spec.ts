import { describe, expect, it } from '@jest/globals';
import { isAddressPattern, matchesAddress } from '../../src/keys/address-patterns.ts';

describe('matchesAddress', () => {
  it.each<[string | undefined, string, boolean]>([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['10.1.2.3', '10.1.2.3/32', true],
    ['10.1.2.3', '10.1.2.*', true],
    ['10.1.2.33', '10.1.2.?', false],
    ['10.1.2.3', '*', true],
    ['10.1.2.3', '10.0.0.0/8,!10.1.0.0/16', false],
    ['10.2.2.3', '!10.1.0.0/16,10.0.0.0/8', true],
    ['10.1.2.3', '!10.1.0.0/16', false],
    ['10.1.2.3', 'host.example.org', false],
    ['10.1.2.3', '::/0', false],
    // AS19: an IPv4 address that is mapped is what it stands for, on either side
    ['::ffff:127.0.0.1', '127.0.0.1', true],
    ['::ffff:7f00:1', '127.0.0.0/8', true],
    ['::FFFF:127.0.0.1', '127.*', true],
    ['127.0.0.1', '::ffff:127.0.0.1', true],
    ['127.0.0.1', '::ffff:127.0.0.0/104', true],
    ['128.0.0.1', '::ffff:127.0.0.0/104', false],
    ['::ffff:127.0.0.1', '!127.0.0.1,*', false],
    ['::1', '::1', true],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['2001:db8::1', '2001:DB8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:db8::1', '2001:DB8:*', true],
    // where the client is, nobody knows
    [undefined, '*', false],
    ['', '*', false],
    ['localhost', '*', false],
    ['10.1.2.3', '', false],
    // what is no network matches nothing
    ['10.1.2.3', '10.0.0.0/33', false],
    ['10.1.2.3', '10.0.0.1/8', false],
    ['10.1.2.3', '10.0.0.0/8/8', false],
    ['10.1.2.3', '10.0.0.0/-1', false],
    ['10.1.2.3', '/8', false],
    ['10.1.2.3', '::ffff:0.0.0.0/95', false],
  ])('%j in %j: %p', (address, list, expected) => {
    expect(matchesAddress(address, list.split(','))).toBe(expected);
  });
});

describe('isAddressPattern', () => {
  it.each([
    ...[
      '10.1.2.3',
      '10.0.0.0/8',
      '!10.0.0.0/8',
      '*',
      '!10.*',
      '::1',
      '2001:db8::/32',
      'host.example.org',
    ],
    ...['*.example.org', '!fe80::?'],
  ])('takes %j', (pattern) => expect(isAddressPattern(pattern)).toBe(true));

  it.each([
    '',
    '!',
    '!!10.0.0.1',
    '10.0.0.1/8',
    '10.0.0.0/33',
    'host/8',
    '*/8',
    'a b',
    '!bad.example.org',
    '!*.org',
  ])('does not take %j', (pattern) => expect(isAddressPattern(pattern)).toBe(false));
});
