/** Real SSH clients, run once for one command. Each checks the host key against what it is told, and asks nobody anything. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Proposal } from '../../../src/transport/negotiation.ts';
import { peerFolder, type PeerName, pythonScript } from './peer.ts';

/** Where to, and as whom. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Logs in with this password; without it, with the key. */
  readonly password?: string;
  /** An OpenSSH private key file without a passphrase. */
  readonly identityFile?: string;
  readonly knownHostsLines: readonly string[];
}

export interface ClientRunOptions {
  readonly stdin?: Uint8Array;
  /** New keys after so many bytes, where the client can be told. */
  readonly rekeyBytes?: number;
  /** In place of its own lists: for the clients that are scripts. */
  readonly algorithms?: Partial<Proposal>;
  /** More of the command line, before the host. */
  readonly more?: readonly string[];
}

export interface ClientRun {
  /** `null` when the client did not end by itself in time. */
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A client. */
export interface Client {
  readonly name: string;
  readonly peer: PeerName;
  /** The command line; `home` is a folder of this run's. */
  readonly commandLine: (
    to: Destination,
    command: string,
    options: ClientRunOptions,
    home: Home,
  ) => readonly string[];
  readonly env?: (to: Destination, home: Home) => Readonly<Record<string, string>>;
}

export type Home = (name: string) => string;

const RUN_DEADLINE_MS = 60_000;

export const openssh: Client = {
  name: 'OpenSSH ssh',
  peer: 'ssh',
  commandLine: (to, command, { rekeyBytes, more = [] }, home) => [
    // of an option that is given twice the first counts
    ...['ssh', '-F', 'none', '-T', '-p', String(to.port), '-l', to.user, ...more],
    ...option('UserKnownHostsFile', knownHostsFile(to, home)),
    ...option('GlobalKnownHostsFile', 'none'),
    ...option('StrictHostKeyChecking', 'yes'),
    ...option('UpdateHostKeys', 'no'),
    ...option('NumberOfPasswordPrompts', '1'),
    ...option('LogLevel', 'ERROR'),
    ...(to.password === undefined
      ? [...option('BatchMode', 'yes'), ...option('IdentitiesOnly', 'yes')]
      : option('PreferredAuthentications', 'password')),
    ...(to.identityFile === undefined
      ? option('IdentityFile', 'none')
      : ['-i', to.identityFile, ...option('PreferredAuthentications', 'publickey')]),
    ...(rekeyBytes === undefined ? [] : option('RekeyLimit', String(rekeyBytes))),
    ...[to.host, command],
  ],
  env: (to, home): Readonly<Record<string, string>> => {
    if (to.password === undefined) return {};
    const script = home('askpass');
    writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$RXSSH_SPEC_PASSWORD"\n`);
    chmodSync(script, 0o700);
    return {
      SSH_ASKPASS: script,
      SSH_ASKPASS_REQUIRE: 'force',
      RXSSH_SPEC_PASSWORD: to.password,
    };
  },
};

export const dbclient: Client = {
  name: 'Dropbear dbclient',
  peer: 'dbclient',
  commandLine: (to, command, { more = [] }, home) => {
    mkdirSync(home('.ssh'));
    // It knows hosts without their ports.
    const lines = to.knownHostsLines.map((line) => line.replace(/^\[(.*)\]:\d+/, '$1'));
    writeFileSync(home('.ssh/known_hosts'), `${lines.join('\n')}\n`);
    return [
      ...['dbclient', '-T', '-p', String(to.port), '-l', to.user],
      ...(to.identityFile === undefined ? [] : ['-i', dropbearKey(to.identityFile, home)]),
      ...more,
      ...[to.host, command],
    ];
  },
  env: (to, home) => ({
    HOME: home('.'),
    ...(to.password !== undefined && { DROPBEAR_PASSWORD: to.password }),
  }),
};

export const plink: Client = {
  name: 'PuTTY plink',
  peer: 'plink',
  commandLine: (to, command, { more = [] }, home) => [
    ...['plink', '-ssh', '-batch', '-noagent', '-P', String(to.port), '-l', to.user],
    ...to.knownHostsLines.flatMap((line) => ['-hostkey', fingerprintOf(line)]),
    ...(to.password === undefined ? [] : ['-pw', to.password]),
    ...(to.identityFile === undefined ? [] : ['-i', puttyKey(to.identityFile, home)]),
    ...more,
    ...[to.host, command],
  ],
  env: (_to, home) => ({ HOME: home('.') }),
};

export const paramikoClient: Client = {
  name: 'paramiko',
  peer: 'paramiko',
  commandLine: (to, command, options, home) => pythonClient('paramiko', to, command, options, home),
};

export const asyncsshClient: Client = {
  name: 'AsyncSSH',
  peer: 'asyncssh',
  commandLine: (to, command, options, home) => pythonClient('asyncssh', to, command, options, home),
};

export const CLIENTS: readonly Client[] = [
  openssh,
  dbclient,
  plink,
  paramikoClient,
  asyncsshClient,
];

/** Runs one command. Rejects only when the client cannot be started. */
export async function runClient(
  client: Client,
  to: Destination,
  command: string,
  options: ClientRunOptions = {},
): Promise<ClientRun> {
  const folder = peerFolder();
  try {
    const [program = '', ...rest] = client.commandLine(to, command, options, folder.file);
    const env = { ...process.env, ...client.env?.(to, folder.file) };
    // A client that looks for an agent or a terminal of the machine would test that.
    delete env['SSH_AUTH_SOCK'];
    return await collectRun(program, rest, env, options.stdin ?? new Uint8Array(0));
  } finally {
    folder.remove();
  }
}

function collectRun(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  stdin: Uint8Array,
): Promise<ClientRun> {
  return new Promise((resolve, reject) => {
    // A session of its own has no terminal to ask on.
    const child = spawn(program, args, { env, detached: true, timeout: RUN_DEADLINE_MS });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // The command may end before it has read all.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout: Buffer.concat(stdout), stderr }));
  });
}

function option(name: string, value: string): readonly string[] {
  return ['-o', `${name}=${value}`];
}

/** A known_hosts file that trusts the peer. */
export function knownHostsFile(to: Destination, home: Home): string {
  const file = home('known_hosts');
  writeFileSync(file, `${to.knownHostsLines.join('\n')}\n`);
  return file;
}

function dropbearKey(identityFile: string, home: Home): string {
  const file = home('dropbear-key');
  execFileSync('dropbearconvert', ['openssh', 'dropbear', identityFile, file], { stdio: 'ignore' });
  return file;
}

function puttyKey(identityFile: string, home: Home): string {
  const file = home('key.ppk');
  execFileSync('puttygen', [identityFile, '-O', 'private', '-o', file], { stdio: 'ignore' });
  return file;
}

/** The fingerprint of a line of known_hosts. */
export function fingerprintOf(knownHostsLine: string): string {
  const key = Buffer.from(knownHostsLine.split(' ')[2] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function pythonClient(
  name: 'paramiko' | 'asyncssh',
  to: Destination,
  command: string,
  { rekeyBytes, algorithms }: ClientRunOptions,
  home: Home,
): readonly string[] {
  const { host, port, user, password, identityFile } = to;
  return pythonScript(
    `${name}-client.py`,
    JSON.stringify({
      ...{ host, port, user, password, command, rekeyBytes, algorithms },
      identity: identityFile,
      knownHosts: knownHostsFile(to, home),
    }),
  );
}

/** How to log in to a peer with the first of its keys. */
export function withKey(peer: {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  readonly knownHostsLines: readonly string[];
}): Destination {
  const { host, port, user, identityFiles, knownHostsLines } = peer;
  const [identityFile = ''] = identityFiles;
  return { host, port, user, identityFile, knownHostsLines };
}
