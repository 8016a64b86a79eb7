/** Real SFTP clients, run once for a script of steps. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import SftpClient from 'ssh2-sftp-client';
import { type Destination, fingerprintOf, knownHostsFile, withKey } from './clients.ts';
import { type Peer, peerFolder, type PeerName, pythonScript } from './peer.ts';

/** A step, in the words of OpenSSH's sftp. Local paths are relative to the local folder, remote ones to the root. */
export type SftpStep =
  | readonly ['put' | 'get' | 'rename', from: string, to: string]
  | readonly ['ln -s', target: string, link: string]
  | readonly ['ls' | 'mkdir' | 'rmdir' | 'rm', path: string];

export interface SftpRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A client. */
export interface SftpClientProgram {
  readonly name: string;
  readonly peer: PeerName;
  run(to: Peer, script: readonly SftpStep[], local: string): Promise<SftpRun>;
}

type Home = (name: string) => string;

interface Invocation {
  readonly command: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const RUN_DEADLINE_MS = 60_000;

/** A client that takes a script. */
function scripted(
  name: string,
  peer: PeerName,
  invoke: (to: Destination, script: readonly SftpStep[], home: Home) => Invocation,
): SftpClientProgram {
  return {
    ...{ name, peer },
    run: (to, script, local) =>
      inHome((home) => spawned(invoke(withKey(to), script, home), local, home)),
  };
}

/** A client that does one step a run; what it cannot do is `undefined`. */
function stepwise(
  name: string,
  peer: PeerName,
  invoke: (to: Destination, step: SftpStep, home: Home) => Invocation,
): SftpClientProgram {
  return {
    ...{ name, peer },
    run: async (to, script, local) => {
      let last: SftpRun = { status: 0, stdout: '', stderr: '' };
      for (const step of script) {
        last = await inHome((home) => spawned(invoke(withKey(to), step, home), local, home));
        if (last.status !== 0) return last;
      }
      return last;
    },
  };
}

/** OpenSSH's options, without the words that only `ssh` knows. */
export function opensshOptions(to: Destination, home: Home): readonly string[] {
  const options = {
    UserKnownHostsFile: knownHostsFile(to, home),
    GlobalKnownHostsFile: 'none',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    PreferredAuthentications: 'publickey',
    LogLevel: 'ERROR',
  };
  return [
    ...['-F', 'none', '-P', String(to.port), '-i', to.identityFile ?? ''],
    ...Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
}

const quoted = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(' ');

const opensshSftp = scripted('OpenSSH sftp', 'ssh', (to, script, home) => ({
  command: ['sftp', ...opensshOptions(to, home), '-b', '-', `${to.user}@${to.host}`],
  stdin: script.map(([verb, ...paths]) => `${verb} ${quoted(paths)}\n`).join(''),
}));

const psftp = scripted('PuTTY psftp', 'plink', (to, script, home) => {
  const key = home('key.ppk');
  execFileSync('puttygen', [to.identityFile ?? '', '-O', 'private', '-o', key], {
    stdio: 'ignore',
  });
  const batch = home('batch');
  const verbs: Readonly<Record<string, string>> = { rename: 'ren' };
  const lines = script.map(
    ([verb, ...paths]) => `${verbs[verb] ?? verb} ${quoted(psftpPaths(verb, paths))}\n`,
  );
  writeFileSync(batch, lines.join(''));
  return {
    command: [
      ...['psftp', '-batch', '-noagent', '-P', String(to.port), '-i', key, '-b', batch],
      ...to.knownHostsLines.flatMap((line) => ['-hostkey', fingerprintOf(line)]),
      `${to.user}@${to.host}`,
    ],
    env: { HOME: home('.') },
  };
});

/** `ls "a b"` is a pattern to psftp, which has no use for quotes inside. */
function psftpPaths(verb: string, paths: readonly string[]): readonly string[] {
  return verb === 'ls' ? paths.map((path) => `${path}/`) : paths;
}

const paramiko = scripted('paramiko', 'paramiko', (to, script, home) => ({
  command: pythonScript('paramiko-sftp.py', pythonOptions(to, script, home)),
}));

const asyncssh = scripted('AsyncSSH', 'asyncssh', (to, script, home) => ({
  command: pythonScript('asyncssh-sftp.py', pythonOptions(to, script, home)),
}));

function pythonOptions(to: Destination, script: readonly SftpStep[], home: Home): string {
  const { host, port, user, identityFile } = to;
  const knownHosts = knownHostsFile(to, home);
  return JSON.stringify({ host, port, user, identity: identityFile, knownHosts, script });
}

const curl = stepwise('curl', 'curl', (to, [verb, path, other = ''], home) => {
  const { host, port, user, identityFile = '' } = to;
  writeFileSync(home('known_hosts'), `${to.knownHostsLines.join('\n')}\n`);
  execFileSync('mkdir', ['-p', home('.ssh')]);
  writeFileSync(home('.ssh/known_hosts'), `${to.knownHostsLines.join('\n')}\n`);
  const publicKey = home('key.pub');
  writeFileSync(publicKey, execFileSync('ssh-keygen', ['-y', '-f', identityFile]));
  const url = (name: string): string => `sftp://${user}@${host}:${String(port)}/${encodeURI(name)}`;
  const command = ['curl', '-sS', '--path-as-is', '--key', identityFile, '--pubkey', publicKey];
  const quote = (...commands: readonly string[]): readonly string[] => [
    ...commands.flatMap((each) => ['-Q', each]),
    ...['-o', '/dev/null', url('')],
  ];
  const steps: Readonly<Record<SftpStep[0], () => readonly string[]>> = {
    put: () => ['-T', path, url(other)],
    get: () => ['-o', other, '-f', url(path)],
    ls: () => [url(`${path}/`)],
    rename: () => quote(`rename "/${path}" "/${other}"`),
    'ln -s': () => quote(`symlink "${path}" "/${other}"`),
    rm: () => quote(`rm "/${path}"`),
    mkdir: () => quote(`mkdir "/${path}"`),
    rmdir: () => quote(`rmdir "/${path}"`),
  };
  return { command: [...command, ...steps[verb]()], env: { HOME: home('.') } };
});

const lftp = scripted('lftp', 'lftp', (to, script, home) => {
  const { host, port, user, identityFile = '' } = to;
  const ssh = opensshOptions(to, home).map((word) => (word === '-P' ? '-p' : word));
  const verbs: Readonly<Record<string, string>> = { rename: 'mv' };
  const lines = script.map(([verb, path, other]) => {
    if (other === undefined) return `${verbs[verb] ?? verb} ${quoted([path])}`;
    if (verb === 'rename') return `mv ${quoted([path, other])}`;
    if (verb === 'ln -s') return `ln -s ${quoted([path, other])}`;
    return `${verb} ${quoted([path])} -o ${quoted([other])}`;
  });
  return {
    command: [
      ...['lftp', '-c'],
      [
        'set cmd:fail-exit yes',
        'set net:max-retries 1',
        'set sftp:auto-confirm no',
        `set sftp:connect-program "ssh -a -x ${ssh.join(' ')}"`,
        `open -u ${user},x sftp://${host}:${String(port)}`,
        ...lines,
      ].join('; '),
    ],
    env: { HOME: home('.'), SSH_IDENTITY: identityFile },
  };
});

const rclone = stepwise('rclone', 'rclone', (to, [verb, path, other = ''], home) => {
  const known = knownHostsFile(to, home);
  const config = home('rclone.conf');
  const { host, port, user, identityFile = '' } = to;
  writeFileSync(
    config,
    `[peer]\ntype = sftp\nhost = ${host}\nport = ${String(port)}\nuser = ${user}\nkey_file = ${identityFile}\nknown_hosts_file = ${known}\nshell_type = none\n`,
  );
  const steps: Readonly<Record<SftpStep[0], () => readonly string[]>> = {
    put: () => ['copyto', path, `peer:${other}`],
    get: () => ['copyto', `peer:${path}`, other],
    ls: () => ['lsf', `peer:${path}`],
    rename: () => ['moveto', `peer:${path}`, `peer:${other}`],
    'ln -s': cannot,
    rm: () => ['deletefile', `peer:${path}`],
    mkdir: () => ['mkdir', `peer:${path}`],
    rmdir: () => ['rmdir', `peer:${path}`],
  };
  return {
    command: [
      'rclone',
      '--config',
      config,
      '--retries',
      '1',
      '--low-level-retries',
      '1',
      ...steps[verb](),
    ],
    env: { HOME: home('.') },
  };
});

const npmClient: SftpClientProgram = {
  name: 'npm ssh2-sftp-client',
  peer: 'npm',
  run: async (to, script, local) => {
    const client = new SftpClient();
    let stdout = '';
    const here = (name: string): string => join(local, name);
    const steps: Readonly<Record<SftpStep[0], (path: string, other: string) => Promise<unknown>>> =
      {
        put: (path, other) => client.fastPut(here(path), `/${other}`),
        get: (path, other) => client.fastGet(`/${path}`, here(other)),
        ls: async (path) => {
          const entries = await client.list(`/${path}`);
          stdout += entries.map(({ name }) => `${name}\n`).join('');
        },
        rename: (path, other) => client.rename(`/${path}`, `/${other}`),
        'ln -s': cannot,
        rm: (path) => client.delete(`/${path}`),
        mkdir: (path) => client.mkdir(`/${path}`),
        rmdir: (path) => client.rmdir(`/${path}`),
      };
    const { host, port, user, password = '' } = to;
    try {
      await client.connect({ host, port, username: user, password });
      for (const [verb, path, other = ''] of script) await steps[verb](path, other);
      return { status: 0, stdout, stderr: '' };
    } catch (error) {
      return { status: 1, stdout, stderr: String(error) };
    } finally {
      await client.end();
    }
  },
};

export const SFTP_CLIENTS: readonly SftpClientProgram[] = [
  opensshSftp,
  psftp,
  paramiko,
  asyncssh,
  curl,
  lftp,
  rclone,
  npmClient,
];

function cannot(): never {
  throw new Error('this client has no such step');
}

async function inHome<T>(work: (home: Home) => Promise<T>): Promise<T> {
  const folder = peerFolder();
  try {
    return await work(folder.file);
  } finally {
    folder.remove();
  }
}

function spawned(
  { command, stdin = '', env = {} }: Invocation,
  cwd: string,
  home: Home,
): Promise<SftpRun> {
  const [program = '', ...args] = command;
  chmodSync(home('.'), 0o700);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      detached: true,
      timeout: RUN_DEADLINE_MS,
      env: { ...process.env, SSH_AUTH_SOCK: '', ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
}
