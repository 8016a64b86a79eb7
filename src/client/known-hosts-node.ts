/** known_hosts files. */
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode, SshError, toError } from '../errors.ts';
import { joinKnownHosts, type KnownHosts, parseKnownHosts } from '../keys/known-hosts.ts';
import type { KnownHostsStore } from './host-verification.ts';

const NEWLINE = 0x0a;

/** Files that were read last: of a thousand connections each reads the file, for it may have changed, and one parses it. */
const MOST_PARSED = 8;
const parsed = new Map<string, { readonly text: string; readonly known: KnownHosts }>();

/**
 * A store over files: all are read, the first is written. A file that does not exist is an empty one; one that cannot be read
 * is an error, and refuses every key. A line is added in one write, so that writers side by side do not tear each other's.
 *
 * @param files - paths, the user's own first
 */
export function knownHostsFiles(files: readonly string[]): KnownHostsStore {
  return {
    async load(): Promise<KnownHosts> {
      return joinKnownHosts(await Promise.all(files.map(readKnownHosts)));
    },
    async add(line): Promise<void> {
      const [file] = files;
      if (file !== undefined) await naming(file, 'written', () => addLine(file, line));
    },
  };
}

async function readKnownHosts(file: string): Promise<KnownHosts> {
  const text = await naming(file, 'read', () => readIfThere(file));
  const before = parsed.get(file);
  if (before?.text === text) return before.known;
  const known = parseKnownHosts(text, file);
  parsed.delete(file);
  parsed.set(file, { text, known });
  for (const [oldest] of parsed) if (parsed.size > MOST_PARSED) parsed.delete(oldest);
  return known;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

async function addLine(file: string, line: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const start = (await endsInMidLine(file)) ? '\n' : '';
  await appendFile(file, `${start}${line}\n`, { mode: 0o600 });
}

/** Errors with `config` that says which file could not be read or written. */
async function naming<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = `known_hosts file ${file} cannot be ${what}: ${toError(error).message}`;
    throw new SshError('config', message, { option: 'knownHostsFiles', file }, { cause: error });
  }
}

/** A line that somebody wrote by hand may lack its newline. */
async function endsInMidLine(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size === 0) return false;
      const last = new Uint8Array(1);
      await handle.read(last, 0, 1, size - 1);
      return last[0] !== NEWLINE;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
