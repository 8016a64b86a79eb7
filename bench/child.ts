/** The process of a Node client: does one task and prints what it took. Arguments: the client's module, and the task as JSON. */
import { eachOf } from './each-of.ts';
import { quantile } from './statistics.ts';
import type {
  EchoChannel,
  NodeClient,
  OpenConnection,
  Sample,
  SftpBenchClient,
  Task,
} from './task.ts';

type Timed = Pick<Sample, 'milliseconds' | 'cpuMilliseconds'>;
type Work = Omit<Sample, 'peakKiB'>;

const [, , name = '', json = ''] = process.argv;
const task = JSON.parse(json) as Task;
const { client } = (await import(`./clients/${name}.js`)) as {
  readonly client: NodeClient & SftpBenchClient;
};

const sample: Sample = { ...(await perform()), peakKiB: process.resourceUsage().maxRSS };
process.stdout.write(`${JSON.stringify(sample)}\n`, () => process.exit(0));

async function perform(): Promise<Work> {
  const { work } = task;
  switch (work.kind) {
    case 'download':
      return timed(() => client.download(task, work.bytes));
    case 'upload':
      return timed(() => client.upload(task, work.bytes));
    case 'connect':
      return timed(() =>
        eachOf(Array(work.count).keys(), work.atOnce, () => client.connectAndRun(task)),
      );
    case 'exec': {
      const connection = await client.open(task);
      return timed(() => eachOf(Array(work.count).keys(), work.atOnce, () => connection.run()));
    }
    case 'echo':
      return echo(await client.open(task), work.warmUps, work.roundTrips);
    case 'idle':
      return idle(work.count);
    case 'sftp-file':
    case 'sftp-files':
    case 'sftp-list':
      return timed(() => client.sftp(task, work));
    case 'forward':
    case 'sftp-server':
      throw new Error('it is measured from outside');
  }
}

async function timed(action: () => Promise<void>): Promise<Timed> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await action();
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { milliseconds, cpuMilliseconds: (user + system) / 1000 };
}

async function echo(
  connection: OpenConnection,
  warmUps: number,
  roundTrips: number,
): Promise<Work> {
  const channel = await connection.echo();
  await bounce(channel, warmUps);
  let times: readonly number[] = [];
  const spent = await timed(async () => {
    times = await bounce(channel, roundTrips);
  });
  return {
    ...spent,
    p50Microseconds: quantile(times, 0.5),
    p99Microseconds: quantile(times, 0.99),
  };
}

/** Round trips one after the other, each begun from the event of the one before; sorted, in microseconds. */
function bounce(channel: EchoChannel, count: number): Promise<readonly number[]> {
  const byte = new Uint8Array(1);
  const times: number[] = [];
  return new Promise((resolve) => {
    const next = (): void => {
      const start = performance.now();
      channel.send(byte, () => {
        times.push((performance.now() - start) * 1000);
        // Not from within the event: a program would not send from there a thousand levels deep.
        if (times.length < count) setImmediate(next);
        else resolve(times.sort((a, b) => a - b));
      });
    };
    next();
  });
}

/** The second half of the connections against the first: what is there only once does not count. */
async function idle(count: number): Promise<Work> {
  const half = Math.floor(count / 2);
  const connections: OpenConnection[] = [];
  const open = async (): Promise<void> => {
    connections.push(await client.open(task));
  };
  let between = 0;
  let after = 0;
  const spent = await timed(async () => {
    await eachOf(Array(half).keys(), 10, open);
    between = await settledKiB();
    await eachOf(Array(half).keys(), 10, open);
    after = await settledKiB();
  });
  for (const connection of connections) connection.close();
  return { ...spent, idleKiB: (after - between) / half };
}

async function settledKiB(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage.rss() / 1024;
}
