/** What a side offers: the defaults of the registries, or the names that the caller chose. */
import { CIPHERS } from '../crypto/ciphers.ts';
import { COMPRESSIONS } from '../crypto/compression.ts';
import { MACS } from '../crypto/macs.ts';
import { defaultNames, findRow, type Row } from '../crypto/standing.ts';
import { escapeText, SshError } from '../errors.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { KEX_METHODS } from './kex-methods.ts';
import type { Algorithms, Proposal } from './negotiation.ts';

/**
 * Algorithms of one category: their names, best first; or a list as OpenSSH spells it, with commas between the names, `*` and `?`
 * in them for anything but what is weak, and in front `+` to append to the default list, `-` to take from it, or `^` to put at its head.
 *
 * @example
 * ```ts
 * connect('db1', { algorithms: { cipher: ['aes128-ctr'], mac: '^umac-64-etm@openssh.com', kex: '-ecdh-*' } });
 * ```
 */
export type AlgorithmList = string | readonly string[];

/** Algorithms by category; what is left out is as by default. */
export interface AlgorithmOptions {
  /** Key exchange methods. */
  readonly kex?: AlgorithmList;
  /** Signature algorithms of the server's host key. */
  readonly hostKey?: AlgorithmList;
  /** Ciphers, for both directions. */
  readonly cipher?: AlgorithmList;
  /** MACs, for both directions; an AEAD needs none. */
  readonly mac?: AlgorithmList;
  /**
   * Compression, for both directions: `none` by default. `^zlib@openssh.com` asks for it from the login on; a secret that is sent
   * along with what others choose shows itself in the lengths.
   */
  readonly compression?: AlgorithmList;
}

/** The registries by category, so that a name can be looked up and a default list be made. */
const REGISTRIES: Readonly<Record<keyof AlgorithmOptions, readonly Row[]>> = {
  kex: KEX_METHODS,
  hostKey: SIGNATURE_ALGORITHMS,
  cipher: CIPHERS,
  mac: MACS,
  compression: COMPRESSIONS,
};

/** Names of the algorithms of a category, best first: those that are on by default, or all that rxssh has. */
export function algorithmNames(
  category: keyof AlgorithmOptions,
  which: 'default' | 'all' = 'default',
): readonly string[] {
  const rows = REGISTRIES[category];
  return which === 'default' ? defaultNames(rows) : rows.map(({ name }) => name);
}

/** The proposal that options come to. Throws `config` for a name that no registry has, for an empty list, and for a list of anything else. */
export function proposalOf(options: AlgorithmOptions = {}): Proposal {
  // a list under another name would leave what is on by default in force
  const stray = Object.keys(options).find((category) => !Object.hasOwn(REGISTRIES, category));
  if (stray !== undefined) {
    const option = `algorithms.${escapeText(stray, 64)}`;
    const known = Object.keys(REGISTRIES).join(', ');
    throw new SshError('config', `${option} is none of ${known}`, { option });
  }
  return {
    kex: algorithmList('kex', options.kex),
    hostKey: algorithmList('hostKey', options.hostKey),
    cipher: algorithmList('cipher', options.cipher),
    mac: algorithmList('mac', options.mac),
    compression: algorithmList('compression', options.compression),
  };
}

/** Those of the agreed algorithms that are weak, each once: whoever has them has named them. */
export function legacyNames(algorithms: Algorithms): readonly string[] {
  const { kex, hostKey, clientToServer, serverToClient } = algorithms;
  const categories = ['cipher', 'mac', 'compression'] as const;
  const agreed = [
    ['kex', kex] as const,
    ['hostKey', hostKey] as const,
    ...[clientToServer, serverToClient].flatMap((direction) =>
      categories.map((category) => [category, direction[category]] as const),
    ),
  ];
  const names = agreed
    .filter(([category, name]) => findRow(REGISTRIES[category], name)?.standing === 'legacy')
    .map(([, name]) => name);
  return [...new Set(names)];
}

/**
 * The names that a list comes to, best first.
 *
 * @param option - what errors call the list
 * @returns the list itself when it is one of names; without a list, what is on by default
 * @throws SshError `config` for a name that rxssh has not, a pattern that matches nothing it has, and a list that comes out empty
 */
export function algorithmList(
  category: keyof AlgorithmOptions,
  list?: AlgorithmList,
  option = `algorithms.${category}`,
): readonly string[] {
  if (list === undefined) return algorithmNames(category);
  const chosen = typeof list === 'string' ? [...spelledOut(category, list, option)] : list;
  for (const name of chosen) checkKnown(category, name, option);
  if (chosen.length === 0) throw new SshError('config', `${option}: the list is empty`, { option });
  return chosen;
}

function spelledOut(
  category: keyof AlgorithmOptions,
  list: string,
  option: string,
): ReadonlySet<string> {
  const prefix = /^[+^-]/.exec(list)?.[0] ?? '';
  const patterns = list.slice(prefix.length).split(',');
  const standard = algorithmNames(category);
  const named = patterns.flatMap((pattern) => {
    const found = matching(category, pattern);
    // what is taken away need not be there
    if (found.length === 0 && prefix !== '-') checkKnown(category, pattern, option);
    return found;
  });
  switch (prefix) {
    case '+':
      return new Set([...standard, ...named]);
    case '^':
      return new Set([...named, ...standard]);
    case '-':
      return new Set(standard.filter((name) => !named.includes(name)));
    default:
      return new Set(named);
  }
}

function matching(category: keyof AlgorithmOptions, pattern: string): readonly string[] {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const matcher = new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
  const isName = !/[*?]/.test(pattern);
  // what is weak nobody gets by a pattern
  return REGISTRIES[category]
    .filter((row) => matcher.test(row.name) && (isName || row.standing !== 'legacy'))
    .map(({ name }) => name);
}

function checkKnown(category: keyof AlgorithmOptions, name: string, option: string): void {
  if (findRow(REGISTRIES[category], name) !== undefined) return;
  const known = algorithmNames(category, 'all').join(', ');
  const message = `${option}: ${escapeText(name, 64)} is not an algorithm that rxssh has, which are ${known}`;
  throw new SshError('config', message, { option });
}
