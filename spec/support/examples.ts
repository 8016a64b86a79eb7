/** The examples as processes of their own, built from the source. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** An example at work. */
export interface Example {
  readonly child: ChildProcess;
  /** Resolves with what a pattern finds in its stdout; rejects when it ends without. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly ended: Promise<{ status: number | null; stdout: string; stderr: string }>;
}

/** Examples that were built. */
export interface Examples {
  /** The file that Node runs. */
  program(name: string): string;
  start(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Example;
  /** Ends those that still run, and removes what was built. */
  remove(): void;
}

/** @param names - of files in examples/, without `.ts` */
export async function buildExamples(...names: readonly string[]): Promise<Examples> {
  mkdirSync(join(root, 'build'), { recursive: true });
  const programs = mkdtempSync(join(root, 'build/examples-'));
  const children = new Set<ChildProcess>();
  await build({
    entryPoints: names.map((name) => join(root, `examples/${name}.ts`)),
    outbase: join(root, 'examples'),
    outdir: programs,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    alias: {
      'rxssh/keys': join(root, 'src/keys/index.ts'),
      rxssh: join(root, 'src/node.ts'),
      '#crypto': join(root, 'src/crypto/default-node.ts'),
    },
    logLevel: 'error',
  });
  const program = (name: string): string => join(programs, `${name}.mjs`);
  return {
    program,
    start: (name, args, env = {}) => {
      const example = start(program(name), args, env);
      children.add(example.child);
      example.child.once('close', () => children.delete(example.child));
      return example;
    },
    remove: () => {
      for (const child of children) child.kill('SIGKILL');
      rmSync(programs, { recursive: true, force: true });
    },
  };
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Example {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Awaited<Example['ended']>>((resolve) => {
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stdout);
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`ended without ${String(pattern)}: ${stderr}`)));
      look();
    });
  return { child, printed, ended };
}
