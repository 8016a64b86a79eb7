/** Changes to a known_hosts file: pure, text in, text out. Lines that are not concerned stay as they are, byte for byte. */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../crypto/provider.ts';
import { DEFAULT_PORT, hashHostName } from './host-patterns.ts';
import { splitField } from './key-format.ts';
import { parseKnownHosts } from './known-hosts.ts';

/** A file after a change. */
export interface EditedKnownHosts {
  readonly text: string;
  /** Numbers of the lines that were concerned, counted from 1, of the file as it was. */
  readonly lines: readonly number[];
}

/**
 * Takes a host's keys out: what `ssh-keygen -R` does. Lines with a marker stay: what revokes a key has to go on revoking it.
 *
 * @example
 * ```ts
 * const { text } = removeKnownHost(before, 'db1', 2222);
 * ```
 */
export function removeKnownHost(text: string, host: string, port = DEFAULT_PORT): EditedKnownHosts {
  const found = parseKnownHosts(text, '')
    .find(host, port)
    .filter(({ marker }) => marker === 'none')
    .map(({ line }) => line);
  const removed = new Set(found);
  const kept = text.split('\n').filter((_, index) => !removed.has(index + 1));
  return { text: kept.join('\n'), lines: found };
}

/** Hides the names of hosts behind salted hashes, one line for each: what `ssh-keygen -H` does. Lines with patterns or a marker stay. */
export function hashKnownHosts(
  text: string,
  provider: CryptoProvider = defaultProvider,
): EditedKnownHosts {
  const hashed = new Map(
    parseKnownHosts(text, '')
      .entries.filter(({ marker, patterns }) => marker === 'none' && !patterns.isHashed)
      .map(({ line }) => [line, true]),
  );
  const lines: number[] = [];
  const edited = text.split('\n').flatMap((content, index) => {
    if (!hashed.has(index + 1)) return [content];
    const [hosts, rest] = splitField(content);
    // a hash is of one name: it can match nothing else
    if (/[*?!]/.test(hosts)) return [content];
    lines.push(index + 1);
    return hosts.split(',').map((name) => `${hashHostName(name, provider)} ${rest}`);
  });
  return { text: edited.join('\n'), lines };
}
