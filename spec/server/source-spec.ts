import { describe, expect, it } from '@jest/globals';
import { DEFAULT_SOURCE_PREFIX, sourceOf } from '../../src/server/source.ts';

describe('A source', () => {
  it('is an address, however it is written', () => {
    const [plain, mapped] = ['127.0.0.1', '::ffff:127.0.0.1'].map((address) =>
      sourceOf(address, DEFAULT_SOURCE_PREFIX),
    );
    expect(plain).toEqual({ family: 'ipv4', key: '127.0.0.1' });
    expect(mapped).toEqual(plain);
    expect(sourceOf('fe80::1%eth0', DEFAULT_SOURCE_PREFIX)).toEqual(
      sourceOf('FE80:0::1', DEFAULT_SOURCE_PREFIX),
    );
  });

  it('is a network where that was asked for', () => {
    const prefix = { ipv4: 24, ipv6: 64 };
    const keys = (...addresses: readonly string[]): number =>
      new Set(addresses.map((address) => sourceOf(address, prefix)?.key)).size;
    expect(keys('192.0.2.1', '192.0.2.200')).toBe(1);
    expect(keys('192.0.2.1', '192.0.3.1')).toBe(2);
    expect(keys('2001:db8::1', '2001:db8::ffff:1', '2001:db8:0:0:ffff::')).toBe(1);
    expect(keys('2001:db8::1', '2001:db8:0:1::1')).toBe(2);
  });

  it('is none for what is no address', () => {
    expect(sourceOf('/run/socket', DEFAULT_SOURCE_PREFIX)).toBeUndefined();
  });
});
