/** OpenSSH's own client: the measure of the others. Short commands go through a master connection, a process each, as people do. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { forwarded } from './forward.ts';
import { quantile } from './statistics.ts';
import {
  checkBytes,
  COMMANDS,
  HOST_KEY,
  KEX,
  rekeyBytesOf,
  type Sample,
  type Task,
  type Transfer,
} from './task.ts';

/** Its connections are processes, and each costs the same. */
const MOST_IDLE = 50;
const POLL_MS = 25;
/** Ticks of /proc/PID/stat in a second: fixed for user space. */
const TICKS = 100;

/** Does the task. `folder` is for the socket of the master. */
export async function runOpenssh(task: Task, folder: string): Promise<Sample> {
  const { work } = task;
  const ssh = commandLine(task);
  const { host } = task.server;
  switch (work.kind) {
    case 'download': {
      const command = [...ssh, host, COMMANDS.download(work.bytes)];
      if (task.serverSource === undefined) return runScript('"$@" >/dev/null', command);
      const bytes = String(work.bytes);
      return runScript('n=$1; shift; "$@" | cmp -n "$n" - /dev/zero', [bytes, ...command]);
    }
    case 'upload': {
      // A file costs ssh less than a pipe from another process, which would take its share of the two cores as well.
      const output: string[] = [];
      const args = [...ssh, host, COMMANDS.upload];
      const sample = await runScript('"$@"', args, output, work.sparseFile);
      checkBytes(Number(output.join('')), work.bytes);
      return sample;
    }
    case 'connect':
      return runScript(repeated(work), [...ssh, host, COMMANDS.nothing]);
    case 'exec':
      return withMaster(ssh, host, join(folder, 'master'), (viaMaster) =>
        runScript(repeated(work), [...viaMaster, host, COMMANDS.nothing]),
      );
    case 'echo':
      return echo([...ssh, host, COMMANDS.echo], work.warmUps, work.roundTrips);
    case 'idle':
      return idle([...ssh, '-N', host], Math.min(work.count, MOST_IDLE));
    case 'sftp-file':
    case 'sftp-server':
      return batch(task, `${work.direction} ${ends(work)}`);
    case 'sftp-files':
      // it knows no other way than one after the other
      return batch(task, `${work.direction} -r ${ends(work)}`);
    case 'forward':
      return forwarded(work, ([to, at]) => [...ssh, '-N', '-L', `${at}:127.0.0.1:${to}`, host]);
    case 'sftp-list':
      return batch(task, `ls -1 ${work.remote}`);
  }
}

/** Source and target. */
function ends({ direction, remote, local }: Transfer): string {
  return direction === 'get' ? `${remote} ${local}` : `${local} ${remote}`;
}

/** One line for sftp. */
function batch(task: Task, line: string): Promise<Sample> {
  const { server } = task;
  const sftp = ['sftp', '-q', '-b', '-', '-P', String(server.port), ...options(task)];
  const script = 'line=$1; shift; echo "$line" | "$@" >/dev/null';
  return runScript(script, [line, ...sftp, `${server.user}@${server.host}`]);
}

function commandLine(task: Task): readonly string[] {
  const { port, user } = task.server;
  return ['ssh', '-T', '-p', String(port), '-l', user, ...options(task)];
}

function options(task: Task): readonly string[] {
  const { server, protection } = task;
  const settings = {
    UserKnownHostsFile: server.knownHostsFile,
    GlobalKnownHostsFile: 'none',
    StrictHostKeyChecking: 'yes',
    IdentitiesOnly: 'yes',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
    KexAlgorithms: KEX,
    HostKeyAlgorithms: HOST_KEY,
    Ciphers: protection.cipher,
    MACs: protection.mac,
    RekeyLimit: rekeyBytesOf(task) ?? 'default',
  };
  return [
    ...['-F', 'none', '-i', server.identityFile],
    ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
}

/** A loop over "$@", in so many processes of the shell, which fails when a command does. */
function repeated({ count, atOnce }: { readonly count: number; readonly atOnce: number }): string {
  const loop = `i=0; while [ $i -lt ${Math.ceil(count / atOnce)} ]; do "$@" </dev/null >/dev/null || exit 1; i=$((i+1)); done`;
  if (atOnce === 1) return loop;
  return `pids=; j=0; while [ $j -lt ${atOnce} ]; do ( ${loop}; times >&3 ) & pids="$pids $!"; j=$((j+1)); done; for p in $pids; do wait $p || exit 1; done`;
}

/** Runs a shell script over a command line. The shell adds up the CPU time of what it ran. */
async function runScript(
  script: string,
  args: readonly string[],
  output: string[] = [],
  stdinFile = '/dev/null',
): Promise<Sample> {
  const stdin = openSync(stdinFile, 'r');
  const stdio: SpawnOptions['stdio'] = [stdin, 'pipe', 'inherit', 'pipe'];
  const start = performance.now();
  const child = spawn('sh', ['-c', `{ ${script}; }; s=$?; times >&3; exit $s`, 'sh', ...args], {
    stdio,
  });
  closeSync(stdin);
  let times = '';
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stdio[3]?.on('data', (chunk: Buffer) => (times += chunk.toString()));
  const memory = watchMemory(() => childrenOf(child.pid));
  await succeeded(child);
  const milliseconds = performance.now() - start;
  return { milliseconds, cpuMilliseconds: childTimes(times), peakKiB: memory() };
}

/** `times` prints its own user and system time, and those of its children on a second line: `0m0.010s 0m0.020s`. */
function childTimes(output: string): number {
  const lines = output.trim().split('\n');
  const ofChildren = lines.filter((_, index) => index % 2 === 1).join(' ');
  let sum = 0;
  for (const [, minutes, seconds] of ofChildren.matchAll(/(\d+)m([\d.]+)s/g)) {
    sum += Number(minutes) * 60_000 + Number(seconds) * 1000;
  }
  return sum;
}

async function withMaster(
  ssh: readonly string[],
  host: string,
  socket: string,
  use: (viaMaster: readonly string[]) => Promise<Sample>,
): Promise<Sample> {
  const [program = '', ...args] = ssh;
  const master = spawn(program, [...args, '-M', '-S', socket, '-N', host], { stdio: 'ignore' });
  try {
    const viaMaster = [...ssh, '-S', socket];
    await isUp(viaMaster, host);
    const before = cpuOf(master.pid);
    const sample = await use(viaMaster);
    const ofMaster = cpuOf(master.pid) - before;
    return { ...sample, cpuMilliseconds: sample.cpuMilliseconds + ofMaster };
  } finally {
    master.kill();
  }
}

async function isUp([program = '', ...args]: readonly string[], host: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const check = spawn(program, [...args, '-O', 'check', host], { stdio: 'ignore' });
    const status = await new Promise((resolve) => check.once('close', resolve));
    if (status === 0) return;
    await sleep(50);
  }
  throw new Error('the master connection of ssh did not come up');
}

async function echo(
  [program = '', ...args]: readonly string[],
  warmUps: number,
  roundTrips: number,
): Promise<Sample> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const memory = watchMemory(() => [child.pid ?? 0]);
  const byte = new Uint8Array(1);
  const bounce = (count: number): Promise<number[]> =>
    new Promise((resolve) => {
      const times: number[] = [];
      let start = 0;
      const send = (): void => {
        start = performance.now();
        child.stdin.write(byte);
      };
      const receive = (): void => {
        times.push((performance.now() - start) * 1000);
        if (times.length < count) setImmediate(send);
        else {
          child.stdout.off('data', receive);
          resolve(times.sort((a, b) => a - b));
        }
      };
      child.stdout.on('data', receive);
      send();
    });
  await bounce(warmUps);
  const cpu = cpuOf(child.pid);
  const start = performance.now();
  const times = await bounce(roundTrips);
  const milliseconds = performance.now() - start;
  const cpuMilliseconds = cpuOf(child.pid) - cpu;
  const peakKiB = memory();
  child.stdin.end();
  await succeeded(child);
  return {
    ...{ milliseconds, cpuMilliseconds, peakKiB },
    p50Microseconds: quantile(times, 0.5),
    p99Microseconds: quantile(times, 0.99),
  };
}

/** A process each: what is its own, and its share of what it shares. */
async function idle([program = '', ...args]: readonly string[], count: number): Promise<Sample> {
  const children: ChildProcess[] = [];
  const start = performance.now();
  try {
    for (let index = 0; index < count; index++) {
      children.push(spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
      await sleep(POLL_MS);
    }
    // Nothing tells when `ssh -N` has logged in.
    await sleep(1000);
    const shares = children.map(({ pid }) => proportionalKiB(pid));
    return {
      milliseconds: performance.now() - start,
      cpuMilliseconds: children.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
      peakKiB: Math.max(...children.map(({ pid }) => peakOf(pid))),
      idleKiB: shares.reduce((sum, share) => sum + share, 0) / count,
    };
  } finally {
    for (const child of children) child.kill();
  }
}

function succeeded(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`ssh ended with status ${String(status)}`));
    });
  });
}

/** Looks again and again, for a process that has ended says nothing any more. Returns what ends it, and the highest value. */
function watchMemory(pids: () => readonly number[]): () => number {
  let peak = 0;
  const look = (): void => {
    for (const pid of pids()) peak = Math.max(peak, peakOf(pid));
  };
  const timer = setInterval(look, POLL_MS);
  return () => {
    look();
    clearInterval(timer);
    return peak;
  };
}

function childrenOf(pid: number | undefined): readonly number[] {
  const text = procFile(pid, `task/${pid ?? 0}/children`);
  return text.split(' ').filter(Boolean).map(Number);
}

/** The highest resident memory of a process so far, in KiB. */
export function peakOf(pid: number | undefined): number {
  return Number(/^VmHWM:\s+(\d+)/m.exec(procFile(pid, 'status'))?.[1] ?? 0);
}

function proportionalKiB(pid: number | undefined): number {
  return Number(/^Pss:\s+(\d+)/m.exec(procFile(pid, 'smaps_rollup'))?.[1] ?? 0);
}

export function cpuOf(pid: number | undefined): number {
  const stat = procFile(pid, 'stat');
  // The name, in brackets, may hold anything; utime and stime are the 12th and 13th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 1000) / TICKS;
}

function procFile(pid: number | undefined, name: string): string {
  try {
    return readFileSync(`/proc/${pid ?? 0}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
