/** The command line on a terminal of its own, with somebody who types. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import type { Cli } from './cli.ts';

const PYTHON = 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import pty, termios']).status === 0;

/** `describe` where there is what makes terminals. */
export const describeOnTerminal =
  isThere || process.env['CI'] !== undefined ? describe : describe.skip;

/** What is waited for, and typed then. */
export type Step = readonly [wait: string, type: string | null];

/** How a dialogue went. */
export interface Dialogue {
  readonly output: string;
  readonly status: number | null;
  /** Did the terminal echo at each step, and at the end? */
  readonly echo: readonly boolean[];
}

export interface DialogueOptions {
  /** Sent behind the last step. */
  readonly signal?: string | null;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program on a terminal, and types. */
export function runDialogue(
  cli: Cli,
  args: readonly string[],
  steps: readonly Step[],
  { signal = null, env = {} }: DialogueOptions = {},
): Promise<Dialogue> {
  const told = {
    command: [process.execPath, cli.program(), ...args],
    env: { PATH: process.env['PATH'], HOME: cli.file('.'), ...env },
    steps,
    signal,
  };
  const child = spawn(PYTHON, [join(import.meta.dirname, 'terminal.py'), JSON.stringify(told)], {
    cwd: cli.file('.'),
  });
  let text = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(text) as Dialogue);
      else reject(new Error(errors));
    });
  });
}
