import { describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { type AlgorithmOptions, proposalOf } from '../../src/transport/proposal.ts';

function problemOf(options: AlgorithmOptions): unknown {
  try {
    proposalOf(options);
  } catch (error) {
    return isSshError(error, 'config') ? [error.detail.option, error.message] : error;
  }
  return undefined;
}

describe('proposalOf', () => {
  it('offers what is default, best first', () => {
    const { kex, hostKey, cipher, mac, compression } = proposalOf();
    expect(kex.slice(0, 4)).toEqual([
      'mlkem768x25519-sha256',
      'sntrup761x25519-sha512',
      'sntrup761x25519-sha512@openssh.com',
      'curve25519-sha256',
    ]);
    expect(hostKey).toContain('ssh-ed25519');
    expect(cipher[0]).toBe('aes256-gcm@openssh.com');
    expect(mac[0]).toMatch(/-etm@openssh\.com$/);
    expect(compression).toEqual(['none']);
    // SHA-1 is never a default
    expect([...hostKey, ...mac].filter((name) => /^ssh-rsa$|sha1/.test(name))).toEqual([]);
  });

  it('takes the names of the caller in their order, and the defaults for the rest', () => {
    const cipher = ['aes128-ctr', 'aes256-ctr'];
    expect(proposalOf({ cipher })).toEqual({ ...proposalOf(), cipher });
  });

  it.each(['kex', 'hostKey', 'cipher', 'mac'] as const)('names the option: %s', (category) => {
    expect(problemOf({ [category]: ['nonsense'] })).toEqual([
      `algorithms.${category}`,
      `algorithms.${category}: nonsense is not an algorithm that rxssh has`,
    ]);
    expect(problemOf({ [category]: [] })).toEqual([
      `algorithms.${category}`,
      `algorithms.${category}: the list is empty`,
    ]);
  });
});
