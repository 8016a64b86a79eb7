/** Our server against real clients: every algorithm that either side has, and what the tools of others say of it. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import type ssh2 from 'ssh2';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import { defaultNames } from '../../src/crypto/standing.ts';
import { isSecurityKeyType } from '../../src/keys/security-keys.ts';
import { SIGNATURE_ALGORITHMS } from '../../src/keys/signature-algorithms.ts';
import type { Algorithms, Proposal } from '../../src/transport/negotiation.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';
import {
  asyncsshClient,
  type Client,
  type ClientRunOptions,
  dbclient,
  openssh,
  paramikoClient,
  plink,
  runClient,
  withKey,
} from '../support/peers/clients.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import { patternOf } from '../support/peers/ours.ts';
import { echoBySsh2 } from '../support/peers/ssh2-client.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;
const KEX = defaultNames(KEX_METHODS);
const SNTRUP = KEX.filter((name) => name.startsWith('sntrup761'));
/** Without what is newer than all of the clients. */
const OLDER_KEX = KEX.filter((name) => name !== 'mlkem768x25519-sha256');
/** Our server has no device. */
const HOST_KEYS = defaultNames(SIGNATURE_ALGORITHMS).filter((name) => !isSecurityKeyType(name));

/** Clients, and what they do not have: everything else they must have in common with us. */
const PEERS: readonly { readonly client: Client; readonly lacks: readonly string[] }[] = [
  { client: openssh, lacks: [] },
  { client: plink, lacks: ['sntrup761x25519-sha512'] },
  {
    client: dbclient,
    lacks: [
      ...SNTRUP,
      'diffie-hellman-group-exchange-sha256',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'rsa-sha2-512',
    ],
  },
  // it has curve25519 under its older name alone
  {
    client: paramikoClient,
    lacks: [...SNTRUP, 'curve25519-sha256', 'diffie-hellman-group18-sha512'],
  },
  { client: asyncsshClient, lacks: SNTRUP },
];

const servers = new Map<string, Promise<OurServer>>();

/** A server that has these alone; the same one for all clients. */
function serverWith(algorithms: Partial<Proposal>): Promise<OurServer> {
  const key = JSON.stringify(algorithms);
  const server = servers.get(key) ?? startOurServer({ algorithms });
  servers.set(key, server);
  return server;
}

afterAll(async () => {
  for (const server of servers.values()) await (await server).stop();
});

/** What the clients so far have agreed on. */
function handshakes({ events }: OurServer): readonly Algorithms[] {
  return events.flatMap((event) =>
    event.type === 'handshake' ? [event.handshake.algorithms] : [],
  );
}

/** What the last client has agreed on. */
function agreedWith(server: OurServer): Algorithms | undefined {
  return handshakes(server).at(-1);
}

/** Has the client echo something, and says what was agreed on. */
async function echo(
  client: Client,
  server: OurServer,
  options: ClientRunOptions = {},
): Promise<Algorithms | undefined> {
  const stdin = Buffer.from('an echo');
  const run = await runClient(client, withKey(server), 'cat', { stdin, ...options });
  expect({ ...run, stdout: run.stdout.toString() }).toMatchObject({
    status: 0,
    stdout: 'an echo',
  });
  return agreedWith(server);
}

for (const { client, lacks } of PEERS) {
  describeWithPeer(client.peer, `${client.name}, each algorithm of our server`, () => {
    it.each(OLDER_KEX.filter((name) => !lacks.includes(name)))(
      '%s',
      async (kex) => {
        const agreed = await echo(client, await serverWith({ kex: [kex] }));
        expect(agreed?.kex).toBe(kex);
      },
      TIMEOUT_MS,
    );

    it.each(['mlkem768x25519-sha256', ...lacks].filter((name) => KEX.includes(name)))(
      'has no %s',
      async (kex) => {
        const server = await serverWith({ kex: [kex] });
        const before = handshakes(server).length;
        const run = await runClient(client, withKey(server), 'true');
        expect(run.status).not.toBe(0);
        expect(handshakes(server)).toHaveLength(before);
      },
      TIMEOUT_MS,
    );

    it.each(HOST_KEYS.filter((name) => !lacks.includes(name)))(
      '%s',
      async (hostKey) => {
        const agreed = await echo(client, await serverWith({ hostKey: [hostKey] }));
        expect(agreed?.hostKey).toBe(hostKey);
      },
      TIMEOUT_MS,
    );
  });
}

describeWithPeer('ssh', 'OpenSSH ssh, each cipher and MAC of our server', () => {
  const server = usePeer(() => startOurServer());

  it.each(
    CIPHERS.filter(({ standing }) => standing === 'default').map(
      ({ name, isAead }) => [name, isAead] as const,
    ),
  )('%s', async (cipher, isAead) => {
    const agreed = await echo(openssh, server(), { more: ['-c', cipher] });
    // the client's order counts
    const mac = isAead ? '' : 'umac-64-etm@openssh.com';
    for (const direction of [agreed?.clientToServer, agreed?.serverToClient])
      expect(direction).toMatchObject({ cipher, mac });
  });

  const pairs = CIPHERS.filter(({ standing, isAead }) => standing === 'default' && !isAead).flatMap(
    ({ name }) => defaultNames(MACS).map((mac) => [name, mac] as const),
  );
  it.each(pairs)('%s with %s', async (cipher, mac) => {
    const agreed = await echo(openssh, server(), { more: ['-c', cipher, '-m', mac] });
    for (const direction of [agreed?.clientToServer, agreed?.serverToClient])
      expect(direction).toMatchObject({ cipher, mac });
  });

  it.each(OLDER_KEX)(
    'new keys under way, %s',
    async (kex) => {
      const stdin = Buffer.concat([...patternOf(2 * MIB)]);
      const more = ['-o', `KexAlgorithms=${kex}`];
      const options = { stdin, more, rekeyBytes: 256 * 1024 };
      const run = await runClient(openssh, withKey(server()), 'cat', options);
      expect(run).toMatchObject({ status: 0, stderr: '' });
      expect(run.stdout.equals(stdin)).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe('npm ssh2, each algorithm of our server', () => {
  it.each(OLDER_KEX.filter((name) => !SNTRUP.includes(name)))(
    '%s',
    async (kex) => {
      const server = await serverWith({ kex: [kex] });
      expect(await echoBySsh2(server, { kex: [kex as ssh2.KexAlgorithm] })).toBe('an echo');
      expect(agreedWith(server)?.kex).toBe(kex);
    },
    TIMEOUT_MS,
  );

  it.each(HOST_KEYS)('%s', async (hostKey) => {
    const server = await serverWith({ hostKey: [hostKey] });
    const serverHostKey = [hostKey as ssh2.ServerHostKeyAlgorithm];
    expect(await echoBySsh2(server, { serverHostKey })).toBe('an echo');
    expect(agreedWith(server)?.hostKey).toBe(hostKey);
  });
});

describeWithPeer('ssh', 'the host keys of our server', () => {
  const server = usePeer(() => startOurServer());

  it('are all seen by ssh-keyscan', async () => {
    const types = 'ed25519,ecdsa,rsa';
    const { host, port, hostKeys } = server();
    const { stdout } = await promisify(execFile)('ssh-keyscan', [
      ...['-t', types, '-p', String(port)],
      host,
    ]);
    const seen = stdout.trim().split('\n');
    // of one curve it shows the first that the server has
    for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'])
      expect(seen).toContain(`[${host}]:${String(port)} ${hostKeys.get(type) ?? ''}`);
  });

  it.each(['ssh-ed25519', 'ssh-rsa', 'ecdsa-sha2-nistp384'])(
    'are learnt by ssh that knows the one of %s, with UpdateHostKeys',
    async (type) => {
      const folder = peerFolder();
      const { knownHostsLines } = server();
      const file = folder.file('learnt');
      const lineOf = knownHostsLines.find((line) => line.includes(` ${type} `)) ?? '';
      writeFileSync(file, `${lineOf}\n`);
      const learning: Client = {
        ...openssh,
        commandLine: (...facts) =>
          openssh
            .commandLine(...facts)
            .map((word) =>
              word
                .replace(/^UpdateHostKeys=.*/, 'UpdateHostKeys=yes')
                .replace(/^UserKnownHostsFile=.*/, `UserKnownHostsFile=${file}`),
            ),
      };
      // a second command: the proof is under way during the first
      for (const command of ['sleep 0.3', 'true'])
        expect(await runClient(learning, withKey(server()), command)).toMatchObject({ status: 0 });
      const learnt = readFileSync(file, 'utf8').trim().split('\n');
      folder.remove();
      expect(learnt.sort()).toEqual([...knownHostsLines].sort());
    },
    TIMEOUT_MS,
  );
});

describeWithPeer('ssh-audit', 'ssh-audit, on a server as it is by default', () => {
  const server = usePeer(() => startOurServer());

  it('fails the NIST curves, by opinion, and nothing else', async () => {
    const { host, port } = server();
    const report = await new Promise<string>((resolve) => {
      // its status counts what it does not like
      execFile('ssh-audit', ['-n', '-p', String(port), host], (_, stdout) => resolve(stdout));
    });
    const rows = report.split('\n');
    const failed = rows.filter((row) => row.includes('[fail]'));
    expect(failed.map((row) => /^\((?:kex|key)\) (\S+)/.exec(row)?.[1])).toEqual([
      'ecdh-sha2-nistp256',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
    ]);
    for (const row of failed) expect(row).toContain('using weak elliptic curves');
    // older than Terrapin, it does not look for the answer to it
    expect(report).toContain('kex-strict-s-v00@openssh.com');
    for (const name of KEX) expect(report).toContain(name);
  });
});
