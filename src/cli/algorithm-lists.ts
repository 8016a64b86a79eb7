/** Lists of algorithms as OpenSSH spells them: names and patterns, and a prefix that changes the default list. */
import { algorithmNames, type AlgorithmOptions } from '../node.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';

const CATEGORIES = {
  KexAlgorithms: 'kex',
  HostKeyAlgorithms: 'hostKey',
  Ciphers: 'cipher',
  MACs: 'mac',
} as const;

/** The algorithms that were set; what was not set is as by default. */
export function algorithmOptions(settings: Settings): AlgorithmOptions {
  const entries = Object.entries(CATEGORIES).flatMap(([key, category]) => {
    const chosen = settings.first(key, (name, value) => algorithmList(name, value, category));
    return chosen === undefined ? [] : [[category, chosen] as const];
  });
  return Object.fromEntries(entries);
}

/**
 * Reads a list. `+` appends to the default list, `-` removes from it, `^` puts at its head; names may hold `*` and `?`. Throws a
 * `UsageError` for a name that rxssh has not, a pattern that matches nothing it has, and a list that comes out empty.
 */
export function algorithmList(
  key: string,
  value: string,
  category: keyof AlgorithmOptions,
): readonly string[] {
  const prefix = /^[+^-]/.exec(value)?.[0];
  const patterns = (prefix === undefined ? value : value.slice(1)).split(',');
  const standard = algorithmNames(category);
  // what is taken away need not be there
  const named = patterns.flatMap((pattern) => matches(key, pattern, category, prefix === '-'));
  const list = combine(prefix, standard, named);
  if (list.length === 0) throw new UsageError(`${key}: ${value} leaves no algorithm`);
  return list;
}

function combine(
  prefix: string | undefined,
  standard: readonly string[],
  named: readonly string[],
): readonly string[] {
  switch (prefix) {
    case '+':
      return unique([...standard, ...named]);
    case '^':
      return unique([...named, ...standard]);
    case '-':
      return standard.filter((name) => !named.includes(name));
    default:
      return unique(named);
  }
}

function matches(
  key: string,
  pattern: string,
  category: keyof AlgorithmOptions,
  mayBeNone: boolean,
): readonly string[] {
  const expression = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  const found = algorithmNames(category, 'all').filter((name) => expression.test(name));
  if (found.length === 0 && !mayBeNone) {
    throw new UsageError(`${key}: ${JSON.stringify(pattern)} is no algorithm that rxssh has`);
  }
  return found;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
