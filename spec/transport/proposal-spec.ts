import { describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { algorithmNames, type AlgorithmOptions, proposalOf } from '../../src/transport/proposal.ts';

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

  it('reads lists as OpenSSH spells them', () => {
    const standard = algorithmNames('cipher');
    const cipherOf = (cipher: string): readonly string[] => proposalOf({ cipher }).cipher;
    expect(cipherOf('aes128-ctr,aes256-ctr,aes128-ctr')).toEqual(['aes128-ctr', 'aes256-ctr']);
    expect(cipherOf('aes???-ctr')).toEqual(['aes256-ctr', 'aes192-ctr', 'aes128-ctr']);
    expect(cipherOf('+aes128-ctr')).toEqual(standard);
    expect(cipherOf('-*-gcm@openssh.com,nonsense')).toEqual(
      standard.filter((name) => !name.includes('gcm')),
    );
    expect(cipherOf('^chacha20*')).toEqual([
      'chacha20-poly1305@openssh.com',
      ...standard.filter((name) => !name.startsWith('chacha20')),
    ]);
  });

  it.each(['', 'aes128-ctr,', '+nonsense', '^none', '*cbc', 'aes128.ctr'])(
    'refuses %j',
    (cipher) => {
      expect(problemOf({ cipher })).toEqual([
        'algorithms.cipher',
        expect.stringMatching(
          /is not an algorithm that rxssh has, which are aes256-gcm@openssh\.com, /,
        ),
      ]);
    },
  );

  it('refuses to be left without any', () => {
    expect(problemOf({ mac: '-*' })).toEqual([
      'algorithms.mac',
      'algorithms.mac: the list is empty',
    ]);
  });

  it('refuses a list of what there is no list of', () => {
    expect(problemOf({ ciphers: ['aes128-ctr'] } as AlgorithmOptions)).toEqual([
      'algorithms.ciphers',
      'algorithms.ciphers is none of kex, hostKey, cipher, mac, compression',
    ]);
  });

  it.each(['kex', 'hostKey', 'cipher', 'mac'] as const)('names the option: %s', (category) => {
    expect(problemOf({ [category]: ['nonsense'] })).toEqual([
      `algorithms.${category}`,
      `algorithms.${category}: nonsense is not an algorithm that rxssh has, which are ${algorithmNames(category, 'all').join(', ')}`,
    ]);
    expect(problemOf({ [category]: [] })).toEqual([
      `algorithms.${category}`,
      `algorithms.${category}: the list is empty`,
    ]);
  });
});
