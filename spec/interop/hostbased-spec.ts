/** hostbased with real software on the other side: sshd and AsyncSSH as servers, ssh and AsyncSSH as clients. */
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { defer, firstValueFrom } from 'rxjs';
import type { AuthAttemptInfo } from '../../src/auth/policy.ts';
import { type HostbasedIdentity, isSshError, withClient } from '../../src/node.ts';
import { parseKnownHosts } from '../../src/keys/known-hosts.ts';
import { parsePrivateKey } from '../../src/keys/private-key-file.ts';
import { hasTestAccount } from '../support/peers/account.ts';
import { KEY_KINDS, makeKeyFile, publicLine } from '../support/peers/key-files.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { connectTo } from '../support/peers/ours.ts';
import {
  describeWithPeer,
  type Peer,
  peerFolder,
  pythonScript,
  usePeer,
} from '../support/peers/peer.ts';
import { startAsyncssh } from '../support/peers/python-server.ts';
import { startSshd, withSystemFolder } from '../support/peers/sshd.ts';

const CLIENT_HOST = 'desk.example.org';
const run = promisify(execFile);

/** Needs mounts of its own: root has them, unless a container takes them away. */
const describeWithMounts: typeof describeWithPeer = (peer, name, body) => {
  if (hasTestAccount && spawnSync('unshare', ['-m', 'true']).status === 0)
    describeWithPeer(peer, name, body);
  else describe.skip(`${name} (skipped: no mounts of one's own)`, body);
};

const folder = peerFolder();
const hostFiles = KEY_KINDS.map(({ type }) => folder.file(`desk-${type}`));
const knownClientHosts = folder.file('known-clients');
const systemFolder = folder.file('etc');

beforeAll(() => {
  KEY_KINDS.forEach(({ options }, index) => makeKeyFile(hostFiles[index] ?? '', options));
  const known = hostFiles.map((file) => `${CLIENT_HOST} ${publicLine(file)}\n`).join('');
  writeFileSync(knownClientHosts, known);
});
afterAll(folder.remove);

/** What this host says of its user. */
function vouching(file: string, more: Partial<HostbasedIdentity> = {}): HostbasedIdentity {
  const hostKeys = defer(() => parsePrivateKey(readFileSync(file), { source: file }));
  return { hostKeys, clientHost: CLIENT_HOST, localUser: 'me', ...more };
}

/** Logs in by hostbased and nothing else. */
function logIn(peer: Peer, hostbased: HostbasedIdentity): Promise<string> {
  const login$ = connectTo(peer, {
    identities: [],
    methods: ['none', 'hostbased'],
    hostbased,
  }).pipe(withClient((client) => [client.login.method]));
  return firstValueFrom(login$);
}

function describeServer(peer: () => Peer): void {
  it.each(KEY_KINDS.map(({ type }, index) => [type, index] as const))(
    'lets our user in by the host’s %s key',
    async (_type, index) => {
      await expect(logIn(peer(), vouching(hostFiles[index] ?? ''))).resolves.toBe('hostbased');
    },
  );

  it('lets nobody in whose host or name there is another', async () => {
    const [file = ''] = hostFiles;
    for (const wrong of [{ clientHost: 'lap.example.org' }, { localUser: 'you' }]) {
      const error: unknown = await logIn(peer(), vouching(file, wrong)).catch((e: unknown) => e);
      if (!isSshError(error, 'auth')) throw error as Error;
      expect(error.detail.attempts.at(-1)).toMatchObject({
        ...{ method: 'hostbased', outcome: 'rejected' },
      });
    }
  });
}

describeWithMounts('sshd', 'OpenSSH sshd with HostbasedAuthentication', () => {
  const peer = usePeer(() => {
    mkdirSync(systemFolder);
    copyFileSync(knownClientHosts, join(systemFolder, 'ssh_known_hosts'));
    writeFileSync(join(systemFolder, 'shosts.equiv'), `${CLIENT_HOST} me\n`);
    return startSshd({
      systemFolder,
      config: [
        ...['HostbasedAuthentication yes', 'HostbasedUsesNameFromPacketOnly yes'],
        ...['PubkeyAuthentication no', 'PasswordAuthentication no'],
      ],
    });
  });
  describeServer(peer);
});

describeWithPeer('asyncssh', 'AsyncSSH’s server with known client hosts', () => {
  describeServer(usePeer(() => startAsyncssh({ knownClientHosts })));
});

describe('our server', () => {
  const vouched: AuthAttemptInfo[] = [];
  const server = usePeer(() =>
    startOurServer({
      authentication: { methods: ['hostbased'] },
      authenticate: (attempt) => {
        if (attempt.method !== 'hostbased') return false;
        vouched.push(attempt);
        const { clientHost: host, hostKey } = attempt;
        const hosts = parseKnownHosts(readFileSync(knownClientHosts, 'utf8'), 'known_hosts');
        return hosts.check({ host, port: 22 }, hostKey).verdict === 'known';
      },
    }),
  );
  beforeEach(() => {
    vouched.length = 0;
  });

  describeWithMounts('ssh', 'and OpenSSH’s client with ssh-keysign', () => {
    it('lets its user in, whose host is known by what ssh-keysign calls it', async () => {
      const { host, port, user, knownHostsLines } = server();
      const etc = folder.file('client-etc');
      const known = folder.file('known-servers');
      const [file = ''] = hostFiles;
      mkdirSync(etc);
      for (const end of ['', '.pub'])
        copyFileSync(`${file}${end}`, join(etc, `ssh_host_ed25519_key${end}`));
      writeFileSync(join(etc, 'ssh_config'), 'Host *\n  EnableSSHKeysign yes\n');
      writeFileSync(known, `${knownHostsLines.join('\n')}\n`);
      const options = [
        ...['HostbasedAuthentication=yes', 'PreferredAuthentications=hostbased'],
        ...[`UserKnownHostsFile=${known}`, 'BatchMode=yes', 'StrictHostKeyChecking=yes'],
      ].flatMap((option) => ['-o', option]);
      const to = ['-p', String(port), `${user}@${host}`, 'echo in'];
      const [program = '', ...args] = withSystemFolder(etc, [
        'ssh',
        '-F',
        'none',
        ...options,
        ...to,
      ]);
      const refused = await run(program, args).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 255 });
      const [attempt] = vouched;
      if (attempt?.method !== 'hostbased') throw new Error('nobody has asked', { cause: refused });
      // now it is known by that name
      const was = readFileSync(knownClientHosts, 'utf8');
      writeFileSync(knownClientHosts, `${was}${attempt.clientHost} ${publicLine(file)}\n`);
      const { stdout } = await run(program, args);
      writeFileSync(knownClientHosts, was);
      expect(stdout).toBe('in\n');
      expect(attempt).toMatchObject({ localUser: 'root', algorithm: 'ssh-ed25519' });
    });
  });

  describeWithPeer('asyncssh', 'and AsyncSSH’s client', () => {
    it.each([
      [CLIENT_HOST, 'in'],
      ['lap.example.org', 'out'],
    ])('whose host calls itself %s, is %s', async (clientHost, outcome) => {
      const { host, port, user } = server();
      const [hostKey = ''] = hostFiles;
      const options = {
        ...{ host, port, user, methods: ['hostbased'], hostKey, clientHost, localUser: 'me' },
      };
      const command = pythonScript('asyncssh-login.py', JSON.stringify(options));
      const { stdout } = await run(command[0] ?? '', command.slice(1), { timeout: 60_000 });
      expect(stdout.trim().split('\n').at(-1)).toBe(outcome);
      expect(vouched[0]).toMatchObject({ user, clientHost, localUser: 'me' });
    });
  });
});
