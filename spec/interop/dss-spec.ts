/** ssh-dss, for hosts and for users, with software that still has it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, expect, it } from '@jest/globals';
import { of } from 'rxjs';
import {
  equalPublicKeys,
  fingerprint,
  parsePrivateKey,
  parsePublicKeyLine,
} from '../../src/keys/index.ts';
import {
  asyncsshClient,
  type Client,
  type ClientRunOptions,
  openssh,
  paramikoClient,
  runClient,
} from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { runOn } from '../support/peers/ours.ts';
import { describeWithPeer, knownHostsLines, peerFolder, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';

const DSS = 'ssh-dss';
const folder = peerFolder();

afterAll(() => folder.remove());

/** In PEM: paramiko takes one in OpenSSH's format for RSA. */
function dsaKey(name: string): string {
  const file = folder.file(name);
  execFileSync('ssh-keygen', ['-q', '-t', 'dsa', '-m', 'PEM', '-N', '', '-f', file]);
  return file;
}

const lineOf = (file: string): string =>
  readFileSync(`${file}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');

describeWithPeer('sshd', 'OpenSSH sshd, to our client', () => {
  const [host, user] = [dsaKey('host'), dsaKey('user')];
  const config = [
    `HostKey ${host}`,
    `HostKeyAlgorithms +${DSS}`,
    `PubkeyAcceptedAlgorithms +${DSS}`,
  ];
  const peer = usePeer(() => startSshd({ config, authorizedKeys: [lineOf(user)] }));

  it('proves its key, and takes ours', async () => {
    const { publicKey } = parsePublicKeyLine(lineOf(host));
    const result = await runOn(
      peer(),
      'cat',
      { stdin: 'old' },
      {
        algorithms: { hostKey: [DSS] },
        hostKeys: { policy: 'pinned', fingerprints: [fingerprint(publicKey)] },
        signatureAlgorithms: [DSS],
        identityFiles: [user],
      },
    );
    expect(result.stdout).toBe('old');
  });

  it('AC8: is not shown a signature of SHA-1 that was not named', async () => {
    const refused = runOn(peer(), 'true', {}, { identityFiles: [user] });
    await expect(refused).rejects.toMatchObject({ kind: 'auth' });
  });
});

const CLIENTS: readonly (readonly [Client, ClientRunOptions])[] = [
  [openssh, { more: ['-o', `HostKeyAlgorithms=${DSS}`, '-o', `PubkeyAcceptedAlgorithms=+${DSS}`] }],
  [paramikoClient, { algorithms: { hostKey: [DSS] } }],
  [asyncsshClient, { algorithms: { hostKey: [DSS] } }],
];

for (const [client, options] of CLIENTS) {
  describeWithPeer(client.peer, `${client.name}, to our server`, () => {
    it('takes its key, and logs in with one', async () => {
      const [hostFile, identityFile] = [dsaKey(`h-${client.peer}`), dsaKey(`u-${client.peer}`)];
      const own = await parsePrivateKey(readFileSync(hostFile));
      const { publicKey } = parsePublicKeyLine(lineOf(identityFile));
      const server = await startOurServer({
        hostKeys: [own],
        algorithms: { hostKey: [DSS] },
        authentication: { algorithms: [DSS] },
        authenticate: (attempt) =>
          of(attempt.method === 'publickey' && equalPublicKeys(attempt.publicKey, publicKey)),
      });
      const { host, port, user } = server;
      const lines = knownHostsLines({ host, port }, new Map([[DSS, lineOf(hostFile)]]));
      const to = { host, port, user, identityFile, knownHostsLines: lines };
      const run = await runClient(client, to, 'cat', { stdin: Buffer.from('old'), ...options });
      await server.stop();
      expect({ ...run, stdout: run.stdout.toString() }).toMatchObject({ status: 0, stdout: 'old' });
    });
  });
}
