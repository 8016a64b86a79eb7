/** The server of the bench: OpenSSH's sshd on a loopback port, logged in to by an account with /bin/sh, which reads no start-up file. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from './task.ts';

const ACCOUNT_SCRIPT = fileURLToPath(new URL('../../scripts/test-account.sh', import.meta.url));
const START_DEADLINE_MS = 10_000;

export interface RunningSshd {
  readonly server: Server;
  /** For whoever needs files beside it. */
  readonly folder: string;
  stop(): void;
}

export async function startSshd(): Promise<RunningSshd> {
  const folder = mkdtempSync(join(tmpdir(), 'rxssh-bench-'));
  chmodSync(folder, 0o711);
  const file = (name: string): string => join(folder, name);
  const isRoot = process.getuid?.() === 0;
  let user = userInfo().username;
  if (isRoot) {
    const home = execFileSync(ACCOUNT_SCRIPT, { encoding: 'utf8' }).trim();
    user = 'rxssh-test';
    copyFileSync(join(home, 'key'), file('user'));
    copyFileSync(join(home, 'key.pub'), file('authorized_keys'));
    // Where sshd drops its privileges; Debian's service makes it when it starts.
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  } else {
    makeKey(file('user'));
    copyFileSync(file('user.pub'), file('authorized_keys'));
  }
  chmodSync(file('user'), 0o600);
  chmodSync(file('authorized_keys'), 0o644);
  makeKey(file('host'));
  const port = await freePort();
  const host = '127.0.0.1';
  const hostKey = readFileSync(file('host.pub'), 'utf8').split(' ').slice(0, 2).join(' ').trim();
  writeFileSync(file('known_hosts'), `[${host}]:${port} ${hostKey}\n`);
  writeFileSync(file('sshd_config'), configuration(file, port));

  const child = spawn(program(), ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = (): void => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', stop);
  try {
    await listening(child.stderr);
  } catch (error) {
    stop();
    throw error;
  }
  const server: Server = {
    ...{ host, port, user, hostKey },
    identityFile: file('user'),
    knownHostsFile: file('known_hosts'),
  };
  return { server, folder, stop };
}

function configuration(file: (name: string) => string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'LogLevel INFO',
    'UsePAM no',
    'UseDNS no',
    'StrictModes no',
    'PermitUserRC no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 2000',
    'MaxSessions 2000',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
}

function makeKey(file: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'bench', '-f', file]);
}

/** sshd wants its full path; /usr/sbin is often not on the PATH. */
function program(): string {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const found = spawnSync('sh', ['-c', 'command -v sshd'], {
    env: { ...process.env, PATH },
    encoding: 'utf8',
  });
  if (found.status === 0) return found.stdout.trim();
  throw new Error('the bench needs sshd, and there is none: install openssh-server');
}

function listening(log: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    const deadline = setTimeout(() => reject(new Error(`sshd: ${text}`)), START_DEADLINE_MS);
    log.on('data', (chunk: Buffer) => {
      // Read on, or sshd would wait for us; only its start is of interest.
      if (text.length < 10_000) text += chunk.toString();
      if (!text.includes('Server listening')) return;
      clearTimeout(deadline);
      resolve();
    });
    log.once('end', () => {
      clearTimeout(deadline);
      reject(new Error(`sshd: ${text}`));
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
