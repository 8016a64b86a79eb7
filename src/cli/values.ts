/** Values as OpenSSH's configuration files spell them. Each function throws a `UsageError` that names the key. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './usage.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const SIZES: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
/** setTimeout takes no more milliseconds. */
const LONGEST_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/** `yes` or `no` (`true` and `false` too). */
export function yesNo(key: string, value: string): boolean {
  if (/^(yes|true)$/i.test(value)) return true;
  if (/^(no|false)$/i.test(value)) return false;
  throw bad(key, value, 'yes or no');
}

/** One of these words. */
export function oneOf<const W extends string>(key: string, value: string, words: readonly W[]): W {
  const found = words.find((word) => word === value.toLowerCase());
  if (found === undefined) throw bad(key, value, words.join(', '));
  return found;
}

/** A whole number within bounds. */
export function integer(key: string, value: string, least: number, most: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw bad(key, value, `a number from ${String(least)} to ${String(most)}`);
}

/** `90`, `90s`, `1m30s`, `2h`: in seconds. `none` is 0. */
export function time(key: string, value: string): number {
  if (value.toLowerCase() === 'none') return 0;
  const parts = /^(\d+[smhdw]?)+$/i.test(value) ? (value.match(/\d+[smhdw]?/gi) ?? []) : [];
  if (parts.length === 0) throw bad(key, value, 'a time such as 90, 90s or 1m30s');
  const seconds = parts.reduce((sum, part) => {
    const unit = part.slice(-1).toLowerCase();
    return sum + Number.parseInt(part, 10) * (UNITS[unit] ?? 1);
  }, 0);
  if (seconds > LONGEST_SECONDS) throw bad(key, value, `at most ${String(LONGEST_SECONDS)} s`);
  return seconds;
}

/** `1000`, `500K`, `64M`, `1G`: in bytes. */
export function size(key: string, value: string): number {
  const match = /^(\d{1,12})([KMG]?)$/i.exec(value);
  if (match === null) throw bad(key, value, 'a size such as 500K, 64M or 1G');
  return Number(match[1]) * (SIZES[(match[2] ?? '').toUpperCase()] ?? 1);
}

/** A number of seconds, with a fraction perhaps, in milliseconds. */
export function seconds(key: string, value: string): number {
  const number = /^\d{1,7}(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN;
  if (number > 0 && number <= LONGEST_SECONDS) return number * 1000;
  throw bad(key, value, 'a number of seconds');
}

/** Words separated by blanks; double quotes keep blanks together. */
export function words(key: string, value: string): readonly string[] {
  if (value.replace(/"[^"]*"/g, '').includes('"')) throw bad(key, value, 'quotes that match');
  const found = value.match(/(?:"[^"]*"|[^\s"])+/g) ?? [];
  return found.map((word) => word.replaceAll('"', ''));
}

/** The path of a file, with `~/` in front for the home folder. */
export function path(key: string, value: string): string {
  if (value.replaceAll('%%', '').includes('%'))
    throw new UsageError(`${key}: tokens such as ${value} are not there yet`);
  const plain = value.replaceAll('%%', '%');
  return plain.startsWith('~/') ? join(homedir(), plain.slice(2)) : plain;
}

/** The error for a value that does not fit. */
export function bad(key: string, value: string, expected: string): UsageError {
  return new UsageError(`${key}: ${JSON.stringify(value)} is not valid: expected ${expected}`);
}
