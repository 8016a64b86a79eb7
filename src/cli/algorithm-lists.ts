/** Lists of algorithms as OpenSSH spells them: names and patterns, and a prefix that changes the default list. */
import { algorithmList as namesOf, type AlgorithmOptions, isSshError } from '../node.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { oneOf } from './values.ts';

const CATEGORIES = {
  KexAlgorithms: 'kex',
  HostKeyAlgorithms: 'hostKey',
  Ciphers: 'cipher',
  MACs: 'mac',
} as const;

/** What is asked for, and what is done without. */
const COMPRESSED = '^zlib@openssh.com';

/** The algorithms that were set; what was not set is as by default. */
export function algorithmOptions(settings: Settings): AlgorithmOptions {
  const entries = Object.entries(CATEGORIES).flatMap(([key, category]) => {
    const chosen = settings.first(key, (name, value) => algorithmList(name, value, category));
    return chosen === undefined ? [] : [[category, chosen] as const];
  });
  const isCompressed = settings.first('Compression', compressed) ?? false;
  return { ...Object.fromEntries(entries), ...(isCompressed ? { compression: COMPRESSED } : {}) };
}

/** Both words that ask for it mean from the login on, as in today's OpenSSH. */
function compressed(key: string, value: string): boolean {
  return oneOf(key, value, ['yes', 'delayed', 'no']) !== 'no';
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
