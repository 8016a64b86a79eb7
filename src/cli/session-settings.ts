/** What a session is asked for beside its command: a terminal, and variables of the environment. */
import { spawnSync } from 'node:child_process';
import { matchesWildcard } from '../keys/index.ts';
import { type PtyOptions, sttyModes } from '../node.ts';
import type { CliIo } from './io.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { oneOf, words } from './values.ts';

const TTY = ['yes', 'no', 'force', 'auto', 'true', 'false'] as const;

/** `RequestTTY`: is a terminal wanted? `auto` is for the caller to know. */
export function wantsTerminal(settings: Settings, auto: boolean): boolean {
  const wish = settings.first('RequestTTY', (key, value) => oneOf(key, value, TTY)) ?? 'auto';
  return wish === 'auto' ? auto : ['yes', 'true', 'force'].includes(wish);
}

/** The terminal as it is here, with its modes where stdin is one. */
export function terminalOf({ env, stdin, stdout }: CliIo): PtyOptions {
  const { TERM } = env;
  return {
    ...(stdin.isTTY === true ? { modes: modesHere() } : {}),
    ...(TERM === undefined ? {} : { term: TERM }),
    ...(stdout.columns === undefined ? {} : { columns: stdout.columns }),
    ...(stdout.rows === undefined ? {} : { rows: stdout.rows }),
  };
}

/** None where there is no `stty`. */
function modesHere(): NonNullable<PtyOptions['modes']> {
  const { error, stdout } = spawnSync('stty', ['-a'], {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: 1000,
  });
  return sttyModes(error === undefined ? stdout : '');
}

/**
 * Variables of the environment: those of `SetEnv`, and those of our own whose names match a pattern of `SendEnv`.
 *
 * @param usual - patterns where `SendEnv` says nothing
 */
export function environment(
  settings: Settings,
  { env }: Pick<CliIo, 'env'>,
  usual: readonly string[] = [],
): Readonly<Record<string, string>> {
  const set = settings.all('SetEnv').flatMap((value) => words('SetEnv', value).map(assignment));
  const told = settings.all('SendEnv').flatMap((value) => words('SendEnv', value));
  const patterns = told.length === 0 ? usual : told;
  const sent = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && isSent(name, patterns) ? [[name, value] as const] : [],
  );
  return Object.fromEntries([...sent, ...set]);
}

/** A pattern behind a `-` takes back what the ones before it let through. */
function isSent(name: string, patterns: readonly string[]): boolean {
  const last = patterns
    .filter((pattern) => matchesWildcard(name, pattern.replace(/^-/, '')))
    .at(-1);
  return last !== undefined && !last.startsWith('-');
}

function assignment(word: string): readonly [string, string] {
  const at = word.indexOf('=');
  if (at < 1) throw new UsageError(`SetEnv: ${JSON.stringify(word)}: expected NAME=VALUE`);
  return [word.slice(0, at), word.slice(at + 1)];
}
