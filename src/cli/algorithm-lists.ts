/** Lists of algorithms as OpenSSH spells them: names and patterns, and a prefix that changes the default list. */
import { algorithmList as namesOf, type AlgorithmOptions, isSshError } from '../node.ts';
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

/** Reads a list. Throws a `UsageError` for what `algorithms` would not take either. */
export function algorithmList(
  key: string,
  value: string,
  category: keyof AlgorithmOptions,
): readonly string[] {
  try {
    return namesOf(category, value, key);
  } catch (error) {
    throw isSshError(error, 'config') ? new UsageError(error.message) : error;
  }
}
