/**
 * Patterns of file names, as in sh: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, and `**` for any folders. Pure. No regular
 * expression is made of them: names come from a server, and a pattern takes at most its length times that of the name.
 */
import { SshError } from '../../errors.ts';
import { matchesPlaces } from '../../keys/wildcards.ts';

/** One name of a path. */
export type GlobSegment =
  /** A name as it is; empty at the end of a pattern that ends with a slash, and wants folders. */
  | { readonly kind: 'name'; readonly name: string }
  /** Any number of folders, none included. */
  | { readonly kind: 'folders' }
  | { readonly kind: 'pattern'; readonly matches: (name: string) => boolean };

/** A pattern without braces. */
export interface GlobPattern {
  readonly isAbsolute: boolean;
  readonly segments: readonly GlobSegment[];
}

/** What one place of a pattern stands for. */
type Token =
  | { readonly kind: 'star' }
  | { readonly kind: 'one'; readonly matches: (character: string) => boolean };

/** Most patterns that one with braces may stand for. */
const MOST_ALTERNATIVES = 1024;

/**
 * The patterns that a text stands for; several where it has braces.
 *
 * 1. A name that begins with a dot is matched only by a pattern that does.
 * 2. A backslash takes the next character as it is, `/` excepted. A bracket or a brace that does not close is itself.
 * 3. `**` stands for folders only as a whole name; elsewhere it is `*`.
 *
 * Throws `config` for braces that stand for too much.
 */
export function globPatterns(text: string): readonly GlobPattern[] {
  return expandBraces(text).map(patternOf);
}

/** Does a text have anything in it that is not taken as it is? */
export function hasGlob(text: string): boolean {
  return /[*?[{\\]/.test(text);
}

function patternOf(text: string): GlobPattern {
  const names = text.split('/');
  const isAbsolute = names.length > 1 && names[0] === '';
  const wantsFolder = names.length > 1 && names.at(-1) === '';
  const kept = names.filter((name) => name !== '');
  if (wantsFolder) kept.push('');
  const segments = kept.map(segmentOf);
  // two of them in a row stand for no more than one
  const isNew = (segment: GlobSegment, at: number): boolean =>
    segment.kind !== 'folders' || segments[at - 1]?.kind !== 'folders';
  return { isAbsolute, segments: segments.filter(isNew) };
}

function segmentOf(text: string): GlobSegment {
  if (text === '**') return { kind: 'folders' };
  if (!/[*?[]/.test(text)) return { kind: 'name', name: text.replaceAll(/\\(.)/gu, '$1') };
  const tokens = tokensOf(Array.from(text));
  const mayHide = text.startsWith('.') || text.startsWith('\\.');
  return {
    kind: 'pattern',
    matches: (name) => (mayHide || !name.startsWith('.')) && matches(tokens, Array.from(name)),
  };
}

function tokensOf(characters: readonly string[]): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    const set = character === '[' ? setAt(characters, at) : undefined;
    if (set !== undefined) {
      tokens.push({ kind: 'one', matches: set.matches });
      at = set.end;
    } else if (character === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' });
    } else if (character === '?') {
      tokens.push({ kind: 'one', matches: () => true });
    } else {
      const isEscape = character === '\\' && at + 1 < characters.length;
      const literal = isEscape ? (characters[++at] ?? '') : character;
      tokens.push({ kind: 'one', matches: (other) => other === literal });
    }
  }
  return tokens;
}

/** The set that begins at a bracket, and where it ends; `undefined` when it does not. */
function setAt(
  characters: readonly string[],
  start: number,
): { readonly matches: (character: string) => boolean; readonly end: number } | undefined {
  let at = start + 1;
  const isNegated = characters[at] === '!' || characters[at] === '^';
  if (isNegated) at++;
  const ranges: (readonly [string, string])[] = [];
  for (let isFirst = true; ; isFirst = false) {
    if (at >= characters.length) return undefined;
    if (characters[at] === ']' && !isFirst) break;
    if (characters[at] === '\\' && at + 1 < characters.length) at++;
    const low = characters[at++] ?? '';
    const high = characters[at + 1];
    const isRange = characters[at] === '-' && high !== undefined && high !== ']';
    if (isRange) at += 2;
    ranges.push([low, isRange ? high : low]);
  }
  const isIn = (character: string): boolean =>
    ranges.some(
      ([low, high]) => codeOf(low) <= codeOf(character) && codeOf(character) <= codeOf(high),
    );
  return { matches: (character) => isIn(character) !== isNegated, end: at };
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  return matchesPlaces(name.length, {
    length: tokens.length,
    isStar: (place) => tokens[place]?.kind === 'star',
    takes: (place, at) => {
      const token = tokens[place];
      return token?.kind === 'one' && token.matches(name[at] ?? '');
    },
  });
}

function expandBraces(text: string): readonly string[] {
  let done: string[] = [''];
  for (let at = 0; at < text.length; at++) {
    const braces = text[at] === '{' ? bracesAt(text, at) : undefined;
    const isEscape = text[at] === '\\' && at + 1 < text.length;
    const alternatives = braces?.alternatives.flatMap(expandBraces) ?? [
      isEscape ? text.slice(at, at + 2) : (text[at] ?? ''),
    ];
    if (done.length * alternatives.length > MOST_ALTERNATIVES) {
      const message = `a pattern stands for more than ${String(MOST_ALTERNATIVES)} others`;
      throw new SshError('config', message, { option: 'pattern' });
    }
    done = done.flatMap((head) => alternatives.map((tail) => head + tail));
    if (braces !== undefined) at = braces.end;
    else if (isEscape) at++;
  }
  return done;
}

/** The alternatives of a pair of braces, and where it ends; `undefined` when it does not, or has only one. */
function bracesAt(
  text: string,
  start: number,
): { readonly alternatives: readonly string[]; readonly end: number } | undefined {
  const alternatives: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if (character === '}') depth--;
    const isEnd = depth === 0 && character === '}';
    if ((character === ',' && depth === 1) || isEnd) {
      alternatives.push(text.slice(from, at));
      from = at + 1;
    }
    if (isEnd) return alternatives.length > 1 ? { alternatives, end: at } : undefined;
  }
  return undefined;
}
