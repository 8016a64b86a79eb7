import { isIP } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { networkOf, parseIpAddress } from '../../src/wire/ip-address.ts';

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('An IP address', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ])('%s is read', (text, expected) => {
    expect(hex(parseIpAddress(text))).toBe(expected);
  });

  it.each(['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1'])(
    '%s is the IPv4 address that it stands for',
    (text) => expect(hex(parseIpAddress(text))).toBe('c0000201'),
  );

  it.each([
    ...['', '1', '127.1', '0x7f.0.0.1', '127.0.0.01', '256.0.0.1', '1.2.3.4.', '1.2.3.4.5'],
    ...[':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8'],
    ...['::g', '::12345', '1.2.3.4::', '::1.2.3', 'localhost', '[::1]', '%eth0'],
  ])('%j is none', (text) => expect(parseIpAddress(text)).toBeUndefined());

  it('is what Node takes for one', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        // Node would have a zone where there is none
        fc.pre(!text.includes('%'));
        expect(parseIpAddress(text) !== undefined).toBe(isIP(text) !== 0);
      }),
    );
  });

  it.each([
    ['192.0.2.255', 32, 'c00002ff'],
    ['192.0.2.255', 25, 'c0000280'],
    ['192.0.2.255', 0, '00000000'],
    ['2001:db8:1:2:3:4:5:6', 64, '20010db8000100020000000000000000'],
    ['2001:db8:1:2:3:4:5:6', 128, '20010db8000100020003000400050006'],
  ])('%s is in a network of %d bits', (text, bits, expected) => {
    expect(hex(networkOf(parseIpAddress(text) ?? new Uint8Array(0), bits))).toBe(expected);
  });
});
