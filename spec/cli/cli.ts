/** The command line as a process: bundled from the sources, so that no spec depends on (or disturbs) `dist`. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** How a process ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A process that runs. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with stdout so far when it matches; rejects when the process ends before. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** What a spec of the command line has. */
export interface Cli {
  /** A file in this spec's folder, which is also the home folder of its processes. */
  file(name: string): string;
  /** The file that Node runs. */
  program(): string;
  start(args: readonly string[], options?: StartOptions): Started;
  /** Runs it to its end. */
  run(args: readonly string[], options?: StartOptions): Promise<Ended>;
}

export interface StartOptions {
  readonly stdin?: Uint8Array | string;
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptors that the process may have at a time. */
  readonly maxFiles?: number;
  /** Leave stdin open. */
  readonly isOpen?: boolean;
}

/** Builds the command line before the tests of a file, and removes everything behind them. */
export function useCli(): Cli {
  let folder = '';
  let program = '';
  const children = new Set<ChildProcessWithoutNullStreams>();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rxssh-cli-'));
    mkdirSync(join(root, 'build'), { recursive: true });
    // two folders below the root, as dist/cli is: package.json and node_modules are found from there
    program = join(mkdtempSync(join(root, 'build/cli-')), 'main.mjs');
    await build({
      entryPoints: [join(root, 'src/cli/main.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      alias: { '#crypto': join(root, 'src/crypto/default-node.ts') },
      logLevel: 'error',
    });
  }, 60_000);
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    rmSync(join(program, '..'), { recursive: true, force: true });
  });
  const start = (args: readonly string[], options: StartOptions = {}): Started => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...options.env };
    // a session of its own has no terminal
    const limit = options.maxFiles === undefined ? '' : `ulimit -n ${String(options.maxFiles)};`;
    const child = spawn(
      '/bin/sh',
      ['-c', `${limit} exec "$@"`, 'sh', process.execPath, program, ...args],
      { env, detached: true, cwd: folder },
    );
    children.add(child);
    child.once('exit', () => children.delete(child));
    return follow(child, options);
  };
  return {
    file: (name) => join(folder, name),
    program: () => program,
    start,
    run: (args, options) => start(args, options).ended,
  };
}

function follow(child: ChildProcessWithoutNullStreams, options: StartOptions): Started {
  const chunks: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // a command need not read its input
  child.stdin.on('error', () => {});
  if (options.isOpen !== true) child.stdin.end(options.stdin);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (status) => resolve({ status, stdout: Buffer.concat(chunks), stderr }));
  });
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(Buffer.concat(chunks).toString());
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`ended without ${String(pattern)}: ${stderr}`)));
      look();
    });
  return { child, printed, ended };
}

/** `rxssh serve` beside the tests of a file, with a key that may log in; ended by its own signal. */
export function useServer(
  cli: Cli,
  more: readonly string[] | (() => readonly string[]) = ['--allow-exec'],
): () => Server {
  let server: Server | undefined;
  let running: Started | undefined;
  beforeAll(async () => {
    const key = cli.file('key');
    await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-f', key]);
    running = cli.start(
      [
        ...['serve', '--listen', '127.0.0.1:0', '--authorized-keys', `${key}.pub`],
        ...(typeof more === 'function' ? more() : more),
      ],
      { isOpen: true },
    );
    const [, port = ''] = await running.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const options = ['-i', key, '-o', 'StrictHostKeyChecking=accept-new'];
    server = { host: `127.0.0.1:${port}`, port: Number(port), key, options };
  }, 60_000);
  afterAll(async () => {
    running?.child.kill('SIGTERM');
    await running?.ended;
  });
  return () => {
    if (server === undefined) throw new Error('the server is not up');
    return server;
  };
}

export interface Server {
  /** `address:port` */
  readonly host: string;
  readonly port: number;
  readonly key: string;
  /** What a client has to be told to log in. */
  readonly options: readonly string[];
}
