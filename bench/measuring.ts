/** One row after the other, client by client, each in its own process. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runOpenssh } from './openssh.ts';
import type { Client, Measured } from './report.ts';
import type { Row, Sizes } from './rows.ts';
import type { Ssh2Copies } from './ssh2-copies.ts';
import type { RunningSshd } from './sshd.ts';
import { delayed } from './delay.ts';
import { forwardedByUs } from './forward.ts';
import { underOpenssh } from './own-server.ts';
import type { Sample, Task, Transfer } from './task.ts';

const TASK_DEADLINE_MS = 5 * 60_000;
const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

const run = promisify(execFile);

export class Measuring {
  readonly measured: Measured = new Map();
  readonly #sshd: RunningSshd;
  readonly #copies: Ssh2Copies;
  readonly #profiles: string | undefined;
  /** Two rows may look at one piece of work. */
  readonly #done = new Map<string, Sample>();

  /** `profiles` is a folder for CPU profiles of rxssh. */
  constructor(sshd: RunningSshd, copies: Ssh2Copies, profiles: string | undefined) {
    this.#sshd = sshd;
    this.#copies = copies;
    this.#profiles = profiles;
  }

  /** Measures a row once with each client, and says what came of it. */
  async measure(
    row: Row,
    index: number,
    clients: readonly Client[],
    sizes: Sizes,
  ): Promise<readonly string[]> {
    const task = {
      server: this.#sshd.server,
      protection: row.protection,
      work: row.work(sizes),
      ...(row.server === undefined ? {} : { serverSource: row.server }),
    };
    const samples = this.measured.get(row.id) ?? new Map<string, Sample[]>();
    this.measured.set(row.id, samples);
    const values: string[] = [];
    // Another one begins each time: what the one before has left behind meets everybody.
    const present = clients.filter(({ name }) => row.clients?.includes(name) ?? true);
    const turn = index % present.length;
    for (const client of [...present.slice(turn), ...present.slice(0, turn)]) {
      const sample = await this.#sample(client, task, index);
      samples.set(client.name, [...(samples.get(client.name) ?? []), sample]);
      values.push(`${client.name} ${row.value(sample).toFixed(0)}`);
    }
    return values;
  }

  async #sample(client: Client, task: Task, index: number): Promise<Sample> {
    const key = JSON.stringify([client.name, index, { ...task, server: undefined }]);
    const sample = this.#done.get(key) ?? (await this.#perform(client, task));
    this.#done.set(key, sample);
    return sample;
  }

  async #perform(client: Client, task: Task): Promise<Sample> {
    const { work } = task;
    if ('local' in work) clear(work);
    if (!('delay' in work)) return this.#run(client, task);
    const proxy = await delayed(task.server, work.delay);
    try {
      return await this.#run(client, { ...task, server: proxy.server });
    } finally {
      proxy.stop();
    }
  }

  #run({ name }: Client, task: Task): Promise<Sample> {
    const { folder } = this.#sshd;
    if (name === 'openssh') return runOpenssh(task, folder);
    const { addon, pure } = this.#copies;
    const env = { RXSSH_BENCH_SSH2: name === 'ssh2-addon' ? (addon ?? '') : pure };
    if (task.serverSource !== undefined || task.work.kind === 'sftp-server')
      return name === 'rxssh'
        ? underOpenssh('own-server-process', task, folder, this.#profiles)
        : underOpenssh('ssh2-server-process', task, folder, undefined, env);
    if (task.work.kind === 'forward') return forwardedByUs(task, task.work, this.#profiles);
    if (name === 'rxssh' || name === 'ssh2-sftp-client')
      return runChild(name, task, this.#profiles);
    return runChild('ssh2', task, undefined, env);
  }
}

/** What a transfer makes is not there before. */
function clear({ direction, remote, local }: Transfer): void {
  rmSync(direction === 'get' ? local : remote, { recursive: true, force: true });
}

async function runChild(
  module: string,
  task: Task,
  profiles: string | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<Sample> {
  const args = [
    ...(task.work.kind === 'idle' ? ['--expose-gc'] : []),
    ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]),
    ...[CHILD, module, JSON.stringify(task)],
  ];
  const { stdout } = await run(process.execPath, args, {
    env: { ...process.env, ...env },
    timeout: TASK_DEADLINE_MS,
  });
  return JSON.parse(stdout) as Sample;
}
