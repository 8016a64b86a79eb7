/**
 * Real SSH software on the other side. Each peer is started by the spec that needs it, on a free loopback port, with keys in a
 * folder of its own, and is gone with the spec.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { hasTestAccount } from './account.ts';

/** A server that is up. */
export interface Peer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Only where the peer's logins have one: not for an sshd that an ordinary user runs. */
  readonly password?: string;
  /** Private key files that it lets in. */
  readonly identityFiles: readonly string[];
  /** What known_hosts has to say for it to be trusted. */
  readonly knownHostsLines: readonly string[];
  /** Its public host keys, `type base64`, by type. */
  readonly hostKeys: ReadonlyMap<string, string>;
  /** What it has written so far. */
  log(): string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Debian packages, by what a spec asks for. */
const PACKAGES = {
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  dropbear: 'dropbear-bin',
  dbclient: 'dropbear-bin',
  plink: 'putty-tools',
  paramiko: 'python3-paramiko',
  asyncssh: 'python3-asyncssh',
  curl: 'curl',
  lftp: 'lftp',
  rclone: 'rclone',
  sshfs: 'sshfs',
  'ssh-audit': 'ssh-audit',
  psql: 'postgresql',
  tmux: 'tmux',
  erl: 'erlang-base and erlang-ssh',
  libssh: 'gcc, libc6-dev and libssh-dev',
  chromium: 'chromium',
  npm: 'the dev dependencies',
} as const;

export type PeerName = keyof typeof PACKAGES;

const PYTHON = '/usr/bin/python3';
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;

/** A `describe` that needs this software: without it, skipped with the reason; in CI, failed. */
export function describeWithPeer(peer: PeerName, name: string, body: () => void): void {
  const missing = requirePeer(peer);
  if (missing === undefined) describe(name, body);
  else if (process.env['CI'] === undefined) describe.skip(`${name} (skipped: ${missing})`, body);
  else {
    describe(name, () => {
      it(`has ${peer}`, () => {
        throw new Error(missing);
      });
    });
  }
}

/** Why the software cannot be used here; `undefined` when it can. */
export function requirePeer(peer: PeerName): string | undefined {
  if (!isInstalled(peer)) return `no ${peer}; install ${PACKAGES[peer]}`;
  if (peer === 'dropbear' && !hasTestAccount)
    return 'Dropbear needs the test account, and that root';
  return undefined;
}

function isInstalled(peer: PeerName): boolean {
  // in node_modules, with the tests
  if (peer === 'npm') return true;
  if (peer === 'paramiko' || peer === 'asyncssh') {
    return spawnSync(PYTHON, ['-W', 'ignore', '-c', `import ${peer}`]).status === 0;
  }
  if (peer === 'libssh')
    return programFile('cc') !== undefined && existsSync('/usr/include/libssh/server.h');
  return programFile(peer) !== undefined;
}

/** The path of a program, `undefined` when it is not there. sshd wants its full path; /usr/sbin is often not on the PATH. */
export function programFile(name: string): string | undefined {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const found = spawnSync('sh', ['-c', `command -v "$1"`, 'sh', name], {
    env: { ...process.env, PATH },
    encoding: 'utf8',
  });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

/** A peer for the tests of one `describe`: started before them, ended after them. */
export function usePeer<P extends Peer>(start: () => Promise<P>): () => P {
  let peer: P | undefined;
  beforeAll(async () => {
    peer = await start();
  }, START_DEADLINE_MS * 2);
  afterAll(async () => {
    await peer?.stop();
  });
  return () => {
    if (peer === undefined) throw new Error('the peer is not up');
    return peer;
  };
}

/** A folder that a server under another account may enter but not list. */
export function peerFolder(): {
  readonly file: (name: string) => string;
  readonly remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'rxssh-peer-'));
  chmodSync(folder, 0o711);
  return {
    file: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A program of ours that runs beside the tests. */
export interface Running {
  log(): string;
  /** Resolves with the first match in the log; rejects, with the log, when the program ends or the deadline passes before it. */
  logged(pattern: RegExp, deadlineMs?: number): Promise<RegExpMatchArray>;
  stop(): Promise<void>;
}

/** Printed by the wrapper when the program has ended by itself. */
const ENDED = 'the peer has ended by itself, status';

/**
 * The program runs in a process group of its own, behind a shell that ends the group when our end of its stdin goes away: also
 * when the tests are killed and can end nothing themselves.
 */
const WRAPPER = `{ "$@" </dev/null; echo "${ENDED} $?" >&2; } & cat >/dev/null; trap '' TERM; kill -TERM 0; wait`;

/** Starts a program. */
export function startProgram(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Running {
  const child = spawn('sh', ['-c', WRAPPER, 'sh', ...command], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const what = command.slice(0, 5).join(' ');
  let log = '';
  const append = (text: string): void => {
    log += text;
  };
  child.stdout.setEncoding('utf8').on('data', append);
  child.stderr.setEncoding('utf8').on('data', append);
  // A wrapper that is already gone shows in the log.
  child.stdin.on('error', () => {});
  // Not `close`: what the peer has started may hold its pipes.
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    log: () => log,
    logged: (pattern, deadlineMs = START_DEADLINE_MS) =>
      poll(
        deadlineMs,
        `${what} did not log ${String(pattern)}`,
        () => log,
        () => {
          const match = pattern.exec(log);
          if (match === null && log.includes(ENDED)) throw new Error(`${what}: ${log}`);
          return match ?? undefined;
        },
      ),
    stop: () => stopGroup(child, ended),
  };
}

async function stopGroup(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return;
  // sshd gives each connection a session, and so a group, of its own.
  const started = descendants(child.pid);
  child.stdin?.end();
  const inTime = await Promise.race([
    ended.then(() => true),
    sleep(STOP_DEADLINE_MS, false, { ref: false }),
  ]);
  for (const pid of inTime ? started : [-child.pid, ...started]) kill(pid);
  await ended;
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Processes that a process has started, and those that they have started; none where there is no /proc. */
function descendants(ancestor: number): readonly number[] {
  const found = new Set([ancestor]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [pid, parent] of processes()) if (found.has(parent)) found.add(pid);
  }
  found.delete(ancestor);
  return [...found];
}

function processes(): readonly (readonly [pid: number, parent: number])[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)]);
  } catch {
    return [];
  }
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** Asks again and again until there is an answer; the error of a passed deadline says what was there instead. */
export async function poll<T>(
  deadlineMs: number,
  what: string,
  circumstances: () => string,
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) {
      throw new Error(`${what} within ${deadlineMs} ms\n${circumstances()}`);
    }
    await sleep(20);
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something accepts connections there. */
export async function accepting(port: number, log: () => string): Promise<void> {
  await poll(
    START_DEADLINE_MS,
    `nothing listens on port ${port}`,
    log,
    () =>
      new Promise<true | undefined>((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.once('connect', () => resolve(true)).once('error', () => resolve(undefined));
        socket.once('connect', () => socket.destroy());
      }),
  );
}

/** How known_hosts names a host on a port of its own. */
export function knownHostsLines(
  { host, port }: { readonly host: string; readonly port: number },
  hostKeys: ReadonlyMap<string, string>,
): readonly string[] {
  return [...hostKeys.values()].map((key) => `[${host}]:${port} ${key}`);
}

/** The command line of one of our Python scripts, on the Python that Debian's packages are for. */
export function pythonScript(name: string, ...args: readonly string[]): readonly string[] {
  return [PYTHON, '-W', 'ignore', '-u', join(import.meta.dirname, name), ...args];
}
