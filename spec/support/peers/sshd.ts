/** OpenSSH's sshd, with keys of every type and a log that tells everything. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { hasTestAccount, testAccount } from './account.ts';
import { makeKeyFiles, publicLine, publicLinesByType } from './key-files.ts';
import {
  freePort,
  knownHostsLines,
  type Peer,
  peerFolder,
  programFile,
  type Running,
  startProgram,
} from './peer.ts';

export interface SshdOptions {
  /** Lines of sshd_config. They stand before ours, and sshd takes the first one. */
  readonly config?: readonly string[];
  /** Public key lines to let in, besides those of `identityFiles`. */
  readonly authorizedKeys?: readonly string[];
  /** A folder that sshd sees in place of /etc/ssh. */
  readonly systemFolder?: string;
}

/** A program that sees another folder in place of /etc/ssh, in mounts of its own: the machine keeps what it has. Needs root. */
export function withSystemFolder(folder: string, command: readonly string[]): readonly string[] {
  const script = 'mount --bind "$0" /etc/ssh && exec "$@"';
  return ['unshare', '-m', 'sh', '-c', script, folder, ...command];
}

/** Another program may take a free port before sshd does. */
const START_TRIES = 3;

export async function startSshd(options: SshdOptions = {}): Promise<Peer> {
  const { user, password } = testAccount();
  const folder = peerFolder();
  try {
    const hostKeyFiles = makeKeyFiles(folder.file, 'host');
    const identityFiles = makeKeyFiles(folder.file, 'user');
    const authorized = [...identityFiles.map(publicLine), ...(options.authorizedKeys ?? [])];
    writeFileSync(folder.file('authorized_keys'), `${authorized.join('\n')}\n`);
    const config = folder.file('sshd_config');
    writeFileSync(
      config,
      [
        ...(options.config ?? []),
        ...hostKeyFiles.map((file) => `HostKey ${file}`),
        `AuthorizedKeysFile ${folder.file('authorized_keys')}`,
        `PidFile ${folder.file('pid')}`,
        ...CONFIG,
      ].join('\n'),
    );
    const { running, port } = await launch(config, options.systemFolder);
    const address = { host: '127.0.0.1', port };
    const hostKeys = publicLinesByType(hostKeyFiles);
    return {
      ...{ name: 'OpenSSH sshd', ...address, user, identityFiles, hostKeys },
      ...(password !== undefined && { password }),
      knownHostsLines: knownHostsLines(address, hostKeys),
      log: () => running.log(),
      stop: async () => {
        await running.stop();
        folder.remove();
      },
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

const CONFIG: readonly string[] = [
  'LogLevel DEBUG2',
  'UsePAM no',
  'StrictModes no',
  'UseDNS no',
  'PrintMotd no',
  'PrintLastLog no',
  'PermitUserRC no',
  'PermitRootLogin no',
  'KbdInteractiveAuthentication no',
  'MaxStartups 200',
  'MaxSessions 100',
  'AcceptEnv RXSSH_*',
  'Subsystem sftp /usr/lib/openssh/sftp-server',
];

async function launch(
  config: string,
  systemFolder: string | undefined,
): Promise<{ readonly running: Running; readonly port: number }> {
  // Where sshd drops its privileges; Debian's service makes it when it starts.
  if (hasTestAccount) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const args = ['-D', '-e', '-f', config, '-p', String(port), '-o', 'ListenAddress=127.0.0.1'];
    const command = [programFile('sshd') ?? 'sshd', ...args];
    const running = startProgram(
      systemFolder === undefined ? command : withSystemFolder(systemFolder, command),
    );
    try {
      await running.logged(/^Server listening on 127\.0\.0\.1/m);
      return { running, port };
    } catch (error) {
      await running.stop();
      if (attempt === START_TRIES || !running.log().includes('Address already in use')) throw error;
    }
  }
}

/** How many times both sides took new keys on the connections so far, as the log has it. */
export function keyChanges(peer: Peer): number {
  return peer.log().match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
}

/** What sshd logs as soon as a client asks to authenticate. */
export const AUTHENTICATION_LOGGED = /userauth-request|Failed |Accepted /;
