/** authorized_keys as OpenSSH's sshd reads it: whom it keeps out for an option, we keep out too (AS21). */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { authorizedKeys } from '../../src/auth/authorized-keys.ts';
import { parsePublicKeyLine } from '../../src/keys/public-key.ts';
import { publicLine } from '../support/peers/key-files.ts';
import { openssh, runClient, withKey } from '../support/peers/clients.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

/** What both say of a key with these options, from 127.0.0.1. */
const AGREED: readonly (readonly [options: string, isIn: boolean])[] = [
  ['', true],
  ['no-pty', true],
  ['NO-PTY', true],
  ['restrict,pty', true],
  ['no-restrict', false],
  ['frobnicate', false],
  ['no-pty="yes"', false],
  ['command="exit 0"', true],
  ['Command="exit 0"', true],
  ['command="exit 0; echo \\"a, b\\""', true],
  ['command="exit 0",command="exit 0"', false],
  ['command="exit 0\\"', false],
  ['command ="exit 0"', false],
  ['command="exit 0"x', false],
  ['from=""', false],
  ['from="127.0.0.1"', true],
  ['from="127.0.0.0/8"', true],
  ['from="127.0.0.1/8"', false],
  ['from="127.0.0.*"', true],
  ['from="*,!127.0.0.1"', false],
  ['from="127.0.0.1,,192.0.2.1"', false],
  ['from="127.0.0.1",from="127.0.0.1"', false],
  ['expiry-time="20200101"', false],
  ['expiry-time="20990101Z"', true],
  ['expiry-time="20990101,20990102"', false],
  ['environment="A=1"', true],
  ['environment="A-B=1"', false],
  ['environment="=1"', false],
  ['permitopen="db:22"', true],
  ['permitopen="[::1]:22"', true],
  ['permitopen="*:*"', true],
  ['permitopen="db"', false],
  ['permitopen="5432"', false],
  ['permitlisten="8080"', true],
  ['permitlisten="localhost:*"', true],
  // of a key that is in no device nothing more is wanted
  ['verify-required', true],
  ['no-touch-required', true],
  ['verify-required="yes"', false],
];

/** Where we keep out whom sshd lets in. */
const STRICTER: readonly string[] = [
  ...['no-pty,', ',no-pty', 'no-pty,,no-pty', 'command=""'],
  // cannot be enforced
  ...['tunnel="1"', 'permitlisten="10.*:80"'],
  'from="*,!bad.example.org"',
  // no name that every shell takes
  'environment="1A=1"',
];

describeWithPeer('sshd', 'authorized_keys', () => {
  const folder = peerFolder();
  const file = folder.file('authorized_keys');
  const sshd = usePeer(() =>
    startSshd({ config: [`AuthorizedKeysFile ${file}`, 'PermitUserEnvironment yes'] }),
  );
  afterAll(() => folder.remove());

  async function verdicts(
    options: string,
  ): Promise<{ readonly sshd: boolean; readonly ours: boolean }> {
    const [identity = ''] = sshd().identityFiles;
    const line = `${options} ${publicLine(identity)}`;
    writeFileSync(file, `${line}\n`);
    const { status } = await runClient(openssh, withKey(sshd()), 'exit 0');
    const { publicKey } = parsePublicKeyLine(publicLine(identity));
    const decision = authorizedKeys(line)({
      ...{ method: 'publickey', publicKey, algorithm: publicKey.type, signed: true },
      ...{ user: sshd().user, partialSuccesses: [], peer: { address: '127.0.0.1', port: 1 } },
    });
    return { sshd: status === 0, ours: decision !== false };
  }

  it.each(AGREED)('with "%s": %p', async (options, isIn) => {
    expect(await verdicts(options)).toEqual({ sshd: isIn, ours: isIn });
  });

  describe('is read more strictly', () => {
    it.each(STRICTER)('with "%s"', async (options) => {
      expect(await verdicts(options)).toEqual({ sshd: true, ours: false });
    });
  });
});
