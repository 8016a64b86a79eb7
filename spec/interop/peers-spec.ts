/** The peers themselves: OpenSSH's own client gets on with each of the servers, so what fails elsewhere is ours. */
import { expect, it } from '@jest/globals';
import { openssh, runClient, withKey } from '../support/peers/clients.ts';
import { startDropbear } from '../support/peers/dropbear.ts';
import { describeWithPeer, type Peer, type PeerName, usePeer } from '../support/peers/peer.ts';
import { startAsyncssh, startParamiko } from '../support/peers/python-server.ts';
import { startSsh2 } from '../support/peers/ssh2-server.ts';
import { startSshd } from '../support/peers/sshd.ts';

const SERVERS: readonly (readonly [name: PeerName | 'ssh2', start: () => Promise<Peer>])[] = [
  ['sshd', () => startSshd()],
  ['dropbear', () => startDropbear()],
  ['paramiko', () => startParamiko()],
  ['asyncssh', () => startAsyncssh()],
  ['ssh2', startSsh2],
];

for (const [name, start] of SERVERS) {
  // npm ssh2 is always there; the client is what this needs.
  describeWithPeer(name === 'ssh2' ? 'ssh' : name, `the ${name} peer`, () => {
    const peer = usePeer(start);

    it('runs a command', async () => {
      const run = await runClient(openssh, withKey(peer()), 'cat; echo err >&2; exit 7', {
        stdin: Buffer.from('hello'),
      });
      expect({ ...run, stdout: run.stdout.toString() }).toEqual({
        status: 7,
        stdout: 'hello',
        stderr: 'err\n',
      });
    });

    it('takes its password, and no other', async () => {
      const { password, host, port, user, knownHostsLines } = peer();
      if (password === undefined) return;
      const to = { host, port, user, knownHostsLines };
      const right = await runClient(openssh, { ...to, password }, 'echo in');
      expect(right).toMatchObject({ status: 0, stdout: Buffer.from('in\n') });
      const wrong = await runClient(openssh, { ...to, password: `${password}!` }, 'echo in');
      expect(wrong.status).toBe(255);
      expect(wrong.stderr).toContain('Permission denied');
    });

    it('has a log', () => {
      expect(peer().log()).not.toBe('');
    });
  });
}
