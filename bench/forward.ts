/** A forwarding that is measured: a client at work, a target behind the server, and a connection through both. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cpuOf, peakOf } from './openssh.ts';
import { checkBytes, CHUNK_BYTES, type Sample, type Task, type Work } from './task.ts';

type Forward = Extract<Work, { readonly kind: 'forward' }>;

const PROGRAM = fileURLToPath(new URL('forward-process.js', import.meta.url));
const POLL_MS = 50;
const MOST_POLLS = 200;

/**
 * What a client takes to forward. The same process is the target and whoever connects, which costs all clients the same.
 *
 * @param commandLine - of the client, for the port of the target and the one to listen at
 */
export async function forwarded(
  { direction, bytes }: Forward,
  commandLine: (ports: readonly [to: number, at: number]) => readonly string[],
): Promise<Sample> {
  const target = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (direction === 'get') void send(socket, bytes);
    else void receive(socket).then((count) => socket.end(String(count)));
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  const at = await freePort();
  const [program = '', ...args] = commandLine([(target.address() as AddressInfo).port, at]);
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
  try {
    (await dialled(at, child)).destroy();
    const cpu = cpuOf(child.pid);
    const start = performance.now();
    const near = await dial(at);
    if (direction === 'get') {
      near.end();
      checkBytes(await receive(near), bytes);
    } else {
      await send(near, bytes);
      let said = '';
      near.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await once(near, 'end');
      checkBytes(Number(said), bytes);
    }
    return {
      milliseconds: performance.now() - start,
      cpuMilliseconds: cpuOf(child.pid) - cpu,
      peakKiB: peakOf(child.pid),
    };
  } finally {
    child.kill();
    target.close();
  }
}

/** What our client takes. */
export function forwardedByUs(
  task: Task,
  work: Forward,
  profiles: string | undefined,
): Promise<Sample> {
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  return forwarded(work, (ports) => [
    ...[process.execPath, ...profiling, PROGRAM, JSON.stringify(task)],
    ...ports.map(String),
  ]);
}

function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/** Nothing tells when a client listens. */
async function dialled(port: number, child: ChildProcess): Promise<Socket> {
  for (let polls = 0; polls < MOST_POLLS && child.exitCode === null; polls++) {
    const socket = await dial(port).catch(() => undefined);
    if (socket !== undefined) return socket;
    await sleep(POLL_MS);
  }
  throw new Error('the forwarding has not come up');
}

async function send(socket: Socket, bytes: number): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  socket.on('error', () => undefined);
  for (let left = bytes; left > 0 && !socket.destroyed; left -= CHUNK_BYTES)
    if (!socket.write(chunk.subarray(0, Math.min(left, CHUNK_BYTES)))) await drained(socket);
  socket.end();
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      socket.off('drain', over).off('close', over);
      resolve();
    };
    socket.on('drain', over).on('close', over);
  });
}

function receive(socket: Socket): Promise<number> {
  let count = 0;
  socket.on('data', (chunk: Buffer) => (count += chunk.length));
  return once(socket, 'end').then(() => count);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
