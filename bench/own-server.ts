/** A server of Node, ours or another, measured under OpenSSH's client. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peakOf, runOpenssh } from './openssh.ts';
import type { Sample, Server, Task } from './task.ts';

/** What OpenSSH's client took with the server of a module at the other end; the memory is the server's. */
export async function underOpenssh(
  module: string,
  task: Task,
  folder: string,
  profiles: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Sample> {
  const program = fileURLToPath(new URL(`${module}.js`, import.meta.url));
  const child = spawn(
    process.execPath,
    [
      ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]),
      ...[program, join(folder, 'authorized_keys'), task.serverSource ?? ''],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } },
  );
  try {
    const server = await announced(child, task, folder);
    const sample = await runOpenssh({ ...task, server }, folder);
    return { ...sample, peakKiB: peakOf(child.pid) };
  } finally {
    if (child.exitCode === null) {
      child.stdin.end();
      await once(child, 'close');
    }
  }
}

/** The child says its port and its host key in one line. */
async function announced(child: ChildProcess, { server }: Task, folder: string): Promise<Server> {
  const ended = once(child, 'close').then(() => {
    throw new Error('the server has not come up');
  });
  const said = once(child.stdout ?? child, 'data') as Promise<[Buffer]>;
  const [line] = await Promise.race([said, ended]);
  const [port = '', hostKey = ''] = line.toString().trim().split('\t');
  const knownHostsFile = join(folder, 'known_hosts-own');
  writeFileSync(knownHostsFile, `[${server.host}]:${port} ${hostKey}\n`);
  return { ...server, port: Number(port), hostKey, knownHostsFile };
}
