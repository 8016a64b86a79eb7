/** Which hosts: the command line's, and those of `--hosts`. */
import { readFileSync } from 'node:fs';
import { expandHosts, isSshError } from '../node.ts';
import { type NamedHost, namedHost } from './client-setup.ts';
import { messageOf, UsageError } from './usage.ts';

/** 100 000 names are what `expandHosts` makes at most; longer lines than this are no names. */
const MAX_FILE = 16 * 1024 * 1024;

/**
 * All hosts, in order, ranges written out. Throws a `UsageError` for a file that cannot be read, for a name that is none, with
 * its place, and for no host at all.
 */
export function readHosts(
  names: readonly string[],
  file: string | undefined,
): readonly NamedHost[] {
  const fromFile = file === undefined ? [] : readHostsFile(file);
  const patterns = [...names.map((name) => ({ name, where: '' })), ...fromFile];
  const hosts = patterns.flatMap(({ name, where }) => expand(name, where));
  if (hosts.length === 0) throw new UsageError('no host was given');
  return hosts;
}

function expand(pattern: string, where: string): readonly NamedHost[] {
  try {
    return expandHosts(pattern).map(namedHost);
  } catch (thrown) {
    if (isSshError(thrown, 'config')) throw new UsageError(`${where}${thrown.message}`);
    throw thrown;
  }
}

/** One host a line; empty lines and what follows a `#` mean nothing. */
function readHostsFile(file: string): readonly { readonly name: string; readonly where: string }[] {
  const text = readText(file, '--hosts', MAX_FILE);
  return text
    .split(/\r?\n/)
    .map((line, index) => ({
      name: line.replace(/(^|\s)#.*$/, '').trim(),
      where: `${file}:${String(index + 1)}: `,
    }))
    .filter(({ name }) => name !== '');
}

/** A file of text; throws a `UsageError` when it cannot be read. */
export function readText(file: string, option: string, limit: number): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > limit) throw new Error(`is longer than ${String(limit)} bytes`);
    return bytes.toString('utf8');
  } catch (thrown) {
    throw new UsageError(`${option} ${file}: ${messageOf(thrown)}`);
  }
}
