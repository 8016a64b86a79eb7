/** Security keys in OpenSSH's agent: our client with them at sshd, ssh with them at our server, and both ends ours. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorizedKeys } from '../../src/auth/authorized-keys.ts';
import { fingerprint, parsePublicKeyLine } from '../../src/keys/index.ts';
import { isSshError } from '../../src/node.ts';
import { publicLine } from '../support/peers/key-files.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { runOn } from '../support/peers/ours.ts';
import { describeWithPeer, type Peer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { makeSecurityKey, makeSecurityKeyProvider } from '../support/peers/security-keys.ts';
import { type Agent, startSshAgent } from '../support/peers/ssh-agent.ts';
import { startSshd } from '../support/peers/sshd.ts';

const run = promisify(execFile);

/** File names, how the keys are made, and the options of authorized_keys with which each is let in, and is not. */
const KEYS = [
  { name: 'ed25519-sk', more: [], lets: ['', 'no-touch-required '], denies: ['verify-required '] },
  { name: 'ecdsa-sk', more: [], lets: ['', 'no-touch-required '], denies: ['verify-required '] },
  {
    name: 'ecdsa-sk',
    more: ['no-touch-required'],
    lets: ['no-touch-required '],
    denies: ['', 'verify-required,no-touch-required '],
  },
  { name: 'ed25519-sk', more: ['verify-required'], lets: ['verify-required ', ''], denies: [] },
] as const;

describeWithPeer('libssh', 'security keys in OpenSSH’s agent', () => {
  const folder = peerFolder();
  const fileOf = (index: number): string => folder.file(`key-${index}`);
  let agent: Agent;
  beforeAll(async () => {
    const provider = makeSecurityKeyProvider(folder.file('provider.so'));
    // who is asked for the PIN of a key that verifies its user
    writeFileSync(folder.file('askpass'), '#!/bin/sh\necho 1234\n', { mode: 0o755 });
    agent = await startSshAgent({ provider, askpass: folder.file('askpass') });
    KEYS.forEach(({ name, more }, index) => {
      makeSecurityKey(provider, fileOf(index), name, ...more);
      agent.add([fileOf(index)]);
    });
  });
  afterAll(async () => {
    await agent.stop();
    folder.remove();
  });

  const cases = KEYS.flatMap(({ name, more, lets, denies }, index) => [
    ...lets.map((options) => ({ name, more: more.join(), index, options, outcome: 'in\n' })),
    ...denies.map((options) => ({ name, more: more.join(), index, options, outcome: 'out' })),
  ]);

  const linesFor = (index: number, options: string): string =>
    `${options}${publicLine(fileOf(index))}`;

  /** Our client: `in` with the agent and the key's own file, by which the agent's key is chosen. */
  async function login(peer: Peer, index: number): Promise<string> {
    const options = {
      ...{ agent: agent.socket, identityFiles: [fileOf(index)], identitiesOnly: true },
    };
    try {
      return (await runOn(peer, 'echo in', {}, options)).stdout;
    } catch (error) {
      if (isSshError(error, 'auth')) return 'out';
      throw error;
    }
  }

  describeWithPeer('sshd', 'our client at sshd', () => {
    it.each(cases)('with $name $more and "$options": $outcome', async (each) => {
      const { index, options, outcome } = each;
      const sshd = await startSshd({ authorizedKeys: [linesFor(index, options)] });
      try {
        expect(await login(sshd, index)).toBe(outcome);
      } finally {
        await sshd.stop();
      }
    });
  });

  describe('at our server', () => {
    let lines = '';
    const server = usePeer(() =>
      startOurServer({ authenticate: (attempt) => authorizedKeys(lines)(attempt) }),
    );

    it.each(cases)('AS20: ours and ssh with $name $more and "$options": $outcome', async (each) => {
      const { index, options, outcome } = each;
      lines = linesFor(index, options);
      expect(await login(server(), index)).toBe(outcome);
      const { host, port, user, knownHostsLines } = server();
      const known = folder.file('known');
      writeFileSync(known, `${knownHostsLines.join('\n')}\n`);
      const settings = [
        ...[`UserKnownHostsFile=${known}`, `IdentityAgent=${agent.socket}`, 'BatchMode=yes'],
        ...[`IdentityFile=${fileOf(index)}.pub`, 'IdentitiesOnly=yes'],
      ].flatMap((setting) => ['-o', setting]);
      const to = ['-p', String(port), `${user}@${host}`, 'echo in'];
      const done = await run('ssh', ['-F', 'none', ...settings, ...to]).catch(() => ({
        stdout: 'out',
      }));
      expect(done.stdout).toBe(outcome);
    });
  });

  it('are shown by their fingerprints', async () => {
    const { stdout } = await run('ssh-keygen', ['-l', '-f', `${fileOf(0)}.pub`]);
    const { publicKey } = parsePublicKeyLine(readFileSync(`${fileOf(0)}.pub`, 'utf8'));
    expect(stdout).toContain(fingerprint(publicKey));
  });
});
