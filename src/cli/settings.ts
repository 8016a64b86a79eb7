/** `-o Key=Value`: OpenSSH's keys, each with what this program makes of it. */
import { notYet, UsageError } from './usage.ts';

/**
 * What becomes of a key: `used`; `ignored`, shown with `-v`; `later`, an error; or an error unless the value is one of those
 * that ask for nothing.
 */
export type KeyRule = 'used' | 'ignored' | 'later' | { readonly laterUnless: readonly string[] };

/** Keys in OpenSSH's spelling. */
export type KeyTable = Readonly<Record<string, KeyRule>>;

/** What was set: for each key the values in the order in which they were given. */
export class Settings {
  /** Keys that were given and make no difference. */
  readonly ignored: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>, ignored: readonly string[]) {
    this.#values = values;
    this.ignored = ignored;
  }

  /** The first value counts, as in `ssh`. */
  first<T>(key: string, read: (key: string, value: string) => T): T | undefined {
    const [value] = this.all(key);
    return value === undefined ? undefined : read(key, value);
  }

  /** Every value, of a key that may be given more than once. */
  all(key: string): readonly string[] {
    return this.#values.get(key.toLowerCase()) ?? [];
  }
}

/**
 * Reads options, the ones in front having the first say. Throws a `UsageError` for a key that OpenSSH does not know or that is
 * not there yet.
 *
 * @param options - `Key=Value`, or `Key Value`
 */
export function readSettings(options: readonly string[], table: KeyTable): Settings {
  const spelling = new Map(Object.keys(table).map((key) => [key.toLowerCase(), key]));
  const values = new Map<string, string[]>();
  const ignored: string[] = [];
  for (const option of options) {
    const { name, value } = splitOption(option);
    const key = spelling.get(name.toLowerCase());
    if (key === undefined) throw new UsageError(`-o ${name}: OpenSSH has no such option`);
    if (checkRule(key, value, table[key]) === 'ignored') ignored.push(key);
    const known = values.get(key.toLowerCase()) ?? [];
    values.set(key.toLowerCase(), [...known, value]);
  }
  return new Settings(values, ignored);
}

function splitOption(option: string): { readonly name: string; readonly value: string } {
  const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$/s.exec(option);
  const [, name = '', value = ''] = match ?? [];
  if (name === '') throw new UsageError(`-o ${JSON.stringify(option)}: expected Key=Value`);
  if (value === '') throw new UsageError(`-o ${name}: has no value`);
  if (/[\u0000-\u001f\u007f]/.test(value))
    throw new UsageError(`-o ${name}: has a control character in its value`);
  return { name, value };
}

function checkRule(key: string, value: string, rule: KeyRule | undefined): 'used' | 'ignored' {
  if (rule === undefined || rule === 'later') throw notYet(`-o ${key}`);
  if (typeof rule === 'string') return rule;
  if (!rule.laterUnless.includes(value.toLowerCase())) throw notYet(`-o ${key}=${value}`);
  return 'used';
}
