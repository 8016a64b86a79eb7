/** Names of many hosts, written as one. */
import { SshError } from '../errors.ts';

/** Bounds an expansion. */
export interface ExpandHostsOptions {
  /** Most names that may come of it; 100 000 by default. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 100_000;
const RANGE = /^(\d+)-(\d+)$/;
const LETTERS = /^(?:([a-z])-([a-z])|([A-Z])-([A-Z]))$/;
const WORD = /^[A-Za-z0-9._-]+$/;
/** More digits than a number holds exactly. */
const MAX_DIGITS = 15;

/** A part of a pattern: what may stand at its place. */
interface Part {
  readonly count: number;
  at(index: number): string;
}

/**
 * The names that a pattern stands for, the last brackets counting fastest.
 *
 * In brackets stand words and ranges, separated by commas: `[01-20]` (as many digits as the first number has), `[a-f]`,
 * `[a,b,1-3]`. A pattern may have several brackets. Brackets with a colon in them are an IPv6 address and stay as they are.
 *
 * Throws `config`, with the place, for brackets that do not match or are nested, an empty or backward range, a word with
 * characters that no name has, and for more names than `limit`.
 *
 * @param patterns - one, or several
 *
 * @example `expandHosts('web[01-03].example.org')` is `['web01.example.org', 'web02.example.org', 'web03.example.org']`
 */
export function expandHosts(
  patterns: string | readonly string[],
  { limit = DEFAULT_LIMIT }: ExpandHostsOptions = {},
): string[] {
  const names: string[] = [];
  for (const pattern of typeof patterns === 'string' ? [patterns] : patterns) {
    const parts = parse(pattern);
    const count = parts.reduce((product, part) => product * part.count, 1);
    if (names.length + count > limit) {
      throw problem(pattern, `comes to more than ${String(limit)} hosts`);
    }
    for (let index = 0; index < count; index++) names.push(nameAt(parts, index));
  }
  return names;
}

/** The name with this number, as digits of a number whose places have different bases. */
function nameAt(parts: readonly Part[], index: number): string {
  let rest = index;
  let name = '';
  for (const part of [...parts].reverse()) {
    name = part.at(rest % part.count) + name;
    rest = Math.floor(rest / part.count);
  }
  return name;
}

function parse(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  let at = 0;
  while (at < pattern.length) {
    const opening = indexOf(pattern, '[', at);
    const closing = indexOf(pattern, ']', at);
    if (closing < opening) throw problem(pattern, 'has a ] without its [', closing);
    parts.push(fixed(pattern.slice(at, opening)));
    if (opening === pattern.length) break;
    if (closing === pattern.length) throw problem(pattern, 'has a [ without its ]', opening);
    const inside = pattern.slice(opening + 1, closing);
    if (inside.includes('[')) {
      throw problem(pattern, 'has a [ inside of brackets', pattern.indexOf('[', opening + 1));
    }
    // an IPv6 address
    if (inside.includes(':')) parts.push(fixed(`[${inside}]`));
    else parts.push(oneOf(items(inside, pattern, opening + 1)));
    at = closing + 1;
  }
  return parts;
}

/** The end where there is none. */
function indexOf(text: string, character: string, from: number): number {
  const index = text.indexOf(character, from);
  return index < 0 ? text.length : index;
}

function items(inside: string, pattern: string, start: number): readonly Part[] {
  let at = start;
  return inside.split(',').map((item) => {
    const place = at;
    at += item.length + 1;
    return itemOf(item, pattern, place);
  });
}

function itemOf(item: string, pattern: string, place: number): Part {
  if (item === '') throw problem(pattern, 'has nothing between brackets or commas', place);
  const digits = RANGE.exec(item);
  if (digits !== null) return numbers(digits[1] ?? '', digits[2] ?? '', pattern, place);
  const letters = LETTERS.exec(item);
  if (letters !== null) {
    const first = (letters[1] ?? letters[3] ?? '').charCodeAt(0);
    const last = (letters[2] ?? letters[4] ?? '').charCodeAt(0);
    return range(first, last, (code) => String.fromCharCode(code), pattern, place);
  }
  if (!WORD.test(item)) throw problem(pattern, 'has a word that no host name holds', place);
  return fixed(item);
}

function numbers(first: string, last: string, pattern: string, place: number): Part {
  if (first.length > MAX_DIGITS || last.length > MAX_DIGITS)
    throw problem(pattern, 'has a number that is too long', place);
  if (last.startsWith('0') && last.length > 1 && last.length !== first.length)
    throw problem(pattern, 'has a range whose ends have different numbers of digits', place);
  const toText = (value: number): string => String(value).padStart(first.length, '0');
  return range(Number(first), Number(last), toText, pattern, place);
}

function range(
  first: number,
  last: number,
  toText: (value: number) => string,
  pattern: string,
  place: number,
): Part {
  if (last < first) throw problem(pattern, 'has a range that runs backward', place);
  return { count: last - first + 1, at: (index) => toText(first + index) };
}

function fixed(text: string): Part {
  return { count: 1, at: () => text };
}

function oneOf(parts: readonly Part[]): Part {
  return {
    count: parts.reduce((sum, part) => sum + part.count, 0),
    at(index): string {
      let rest = index;
      for (const part of parts) {
        if (rest < part.count) return part.at(rest);
        rest -= part.count;
      }
      return '';
    },
  };
}

function problem(pattern: string, what: string, place?: number): SshError<'config'> {
  const where = place === undefined ? '' : ` (character ${String(place + 1)})`;
  return new SshError('config', `host pattern ${JSON.stringify(pattern)} ${what}${where}`, {
    option: 'host',
  });
}
