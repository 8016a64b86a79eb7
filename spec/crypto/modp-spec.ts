/** The groups of RFC 3526, from their formula, and which public values of theirs are taken. */
import { getDiffieHellman } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { bitLength } from '../../src/crypto/integers.ts';
import {
  checkPublicValue,
  isKnownModpGroup,
  MODP_SIZES,
  modpGroup,
  type ModpSize,
} from '../../src/crypto/modp.ts';
import { toHex } from '../../src/wire/bytes.ts';
import { reasonOf } from '../contract/crypto-key-exchange.ts';

/** What OpenSSL calls them. */
const NAMES: Readonly<Record<ModpSize, string>> = {
  1024: 'modp2',
  2048: 'modp14',
  3072: 'modp15',
  4096: 'modp16',
  6144: 'modp17',
  8192: 'modp18',
};

describe.each([1024 as const, ...MODP_SIZES])('the group of %d bits', (size) => {
  it('is the one that OpenSSL has', () => {
    const known = getDiffieHellman(NAMES[size]);
    const { p, g } = modpGroup(size);
    expect(p.toString(16)).toBe(toHex(known.getPrime()));
    expect(g).toBe(BigInt(known.getGenerator()[0]!));
    expect(bitLength(p)).toBe(size);
  });

  it('is known by its numbers, if it is safe', () => {
    const { p, g } = modpGroup(size);
    expect(isKnownModpGroup({ p, g })).toBe(size > 1024);
    expect(isKnownModpGroup({ p, g: 5n })).toBe(false);
    expect(isKnownModpGroup({ p: p - 2n, g })).toBe(false);
  });
});

it('knows no group of another size', () => {
  expect(isKnownModpGroup({ p: 23n, g: 2n })).toBe(false);
});

describe('public values', () => {
  const group = modpGroup(2048);
  const { p } = group;

  it.each([
    ['0', 0n],
    ['1', 1n],
    ['2', 2n],
    ['a power of two', 1n << 1000n],
    ['three bits', 7n << 900n],
    ['p - 1', p - 1n],
    ['p', p],
    ['p + 1', p + 1n],
    ['more bits than p', p << 8n],
    ['less than nothing', -5n],
  ])('are refused: %s', (_, value) => {
    expect(reasonOf(() => checkPublicValue(group, value))).toBe(3);
  });

  it.each([
    ['15', 15n],
    ['p - 2', p - 2n],
  ])('are taken: %s', (_, value) => {
    expect(checkPublicValue(group, value)).toBe(value);
  });
});
