import { describe, expect, it } from '@jest/globals';
import {
  acceptedByServer,
  algorithmsToTry,
  serverSigAlgs,
} from '../../src/auth/signature-choice.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';

const rsa = ['rsa-sha2-512', 'rsa-sha2-256'];
const ed25519 = ['ssh-ed25519'];
/** As OpenSSH 9.2, OpenSSH 7.4, Dropbear 2022.83 and npm ssh2 1.17 (garbled) list them. */
const openssh =
  'ssh-ed25519,sk-ssh-ed25519@openssh.com,ssh-rsa,rsa-sha2-256,rsa-sha2-512,ecdsa-sha2-nistp521';
const openssh74 = 'rsa-sha2-256,rsa-sha2-512';
const dropbear = 'ssh-ed25519,ecdsa-sha2-nistp521,rsa-sha2-256';
const ssh2 = 'ssh-ed25519,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521rsa-sha2-512,rsa-sha2-256,ssh-rsa';

describe('algorithmsToTry', () => {
  it.each<[string, string, string[], string | undefined, string[]]>([
    ['OpenSSH', 'ssh-rsa', rsa, openssh, ['rsa-sha2-512', 'rsa-sha2-256']],
    ['OpenSSH 7.4', 'ssh-rsa', rsa, openssh74, ['rsa-sha2-512', 'rsa-sha2-256']],
    ['Dropbear', 'ssh-rsa', rsa, dropbear, ['rsa-sha2-256']],
    ['npm ssh2', 'ssh-rsa', rsa, ssh2, ['rsa-sha2-256']],
    ['paramiko', 'ssh-rsa', rsa, undefined, ['rsa-sha2-256', 'rsa-sha2-512']],
    ['OpenSSH 7.4', 'ssh-ed25519', ed25519, openssh74, ['ssh-ed25519']],
    ['npm ssh2', 'ecdsa-sha2-nistp521', ['ecdsa-sha2-nistp521'], ssh2, ['ecdsa-sha2-nistp521']],
    ['paramiko', 'ssh-ed25519', ed25519, undefined, ['ssh-ed25519']],
    ['a server with SHA-1 only', 'ssh-rsa', [...rsa, 'ssh-rsa'], 'ssh-rsa,ssh-dss', []],
    ['a signer with SHA-1 only', 'ssh-rsa', ['ssh-rsa'], undefined, []],
    ['a signer with one algorithm', 'ssh-rsa', ['rsa-sha2-512'], undefined, ['rsa-sha2-512']],
  ])('AC8: %s, %s %j', (_name, keyType, algorithms, list, expected) => {
    expect(algorithmsToTry(keyType, algorithms, list?.split(','))).toEqual(expected);
  });
});

it('AC8: signs with SHA-1 when it is named, and with nothing else then', () => {
  const able = [...rsa, 'ssh-rsa'];
  expect(algorithmsToTry('ssh-rsa', able, undefined, ['ssh-rsa'])).toEqual(['ssh-rsa']);
  expect(algorithmsToTry('ssh-rsa', able, ['ssh-rsa', 'ssh-dss'], ['ssh-rsa'])).toEqual([
    'ssh-rsa',
  ]);
  expect(algorithmsToTry('ssh-rsa', able, [...able], ['ssh-rsa', 'rsa-sha2-512'])).toEqual([
    'ssh-rsa',
    'rsa-sha2-512',
  ]);
  expect(algorithmsToTry('ssh-ed25519', ed25519, undefined, ['ssh-rsa'])).toEqual([]);
});

describe('server-sig-algs', () => {
  it('lists what is on by default, and is read back', () => {
    const { name, value } = serverSigAlgs();
    const accepted = acceptedByServer(new Map([[name, value]]));
    expect(accepted).toContain('ssh-ed25519');
    expect(accepted).toContain('rsa-sha2-256');
    expect(accepted).not.toContain('ssh-rsa');
  });

  it('says nothing when it is absent or empty', () => {
    expect(acceptedByServer(new Map())).toBeUndefined();
    expect(acceptedByServer(new Map([['server-sig-algs', utf8Bytes('')]]))).toBeUndefined();
  });
});
