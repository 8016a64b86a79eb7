/** The lines of `rxssh sftp`: words, quotes, and what may stand in front of a command. Pure. */
import { UsageError } from './usage.ts';

/** A word of a line. */
export interface Word {
  /** What it says, without quotes. */
  readonly text: string;
  /** The same as a pattern: what was quoted and means something in patterns stands behind a backslash. */
  readonly pattern: string;
}

/** A command as it was typed. */
export interface CommandLine {
  readonly name: string;
  readonly words: readonly Word[];
  /** A `-` stood in front: that it fails does not end a batch. */
  readonly mayFail: boolean;
  /** An `@` stood in front: a batch does not show it. */
  readonly isSilent: boolean;
}

/** Options, each a letter, and what is left. */
export interface Arguments {
  readonly options: ReadonlySet<string>;
  readonly words: readonly Word[];
}

/** What means something in a pattern, or in front of a path. */
const SPECIAL = /[*?[\]{}~\\]/g;
const MAGIC = /^(?:[^\\*?[{]|\\.)*[*?[{]/s;

/**
 * Reads a line; `undefined` for one that is empty or a comment.
 *
 * 1. Words are separated by blanks.
 * 2. Between single quotes everything stands for itself.
 * 3. Between double quotes a backslash makes `"` and `\` stand for themselves; any other backslash is one.
 * 4. Elsewhere a backslash makes the next character stand for itself.
 * 5. A word that begins with an unquoted `#`, and what follows it, is a comment.
 * 6. What follows a `!` is not looked into: it is the local shell's.
 *
 * Throws a `UsageError` for a quote that is not closed and a backslash at the end.
 */
export function parseCommandLine(line: string): CommandLine | undefined {
  const [, marks = '', rest = ''] = /^\s*([-@]*)\s*(.*)$/s.exec(line) ?? [];
  const front = { mayFail: marks.includes('-'), isSilent: marks.includes('@') };
  if (rest.startsWith('!')) {
    const text = rest.slice(1).trim();
    return { ...front, name: '!', words: text === '' ? [] : [{ text, pattern: text }] };
  }
  const { words } = splitWords(rest);
  const [name, ...others] = words;
  if (name === undefined) return undefined;
  return { ...front, name: name.text.toLowerCase(), words: others };
}

/**
 * Takes the options off: words that begin with `-`, up to `--` or the first other word.
 *
 * @param known - the letters that the command has
 */
export function takeOptions(command: string, words: readonly Word[], known: string): Arguments {
  const options = new Set<string>();
  let at = 0;
  for (; at < words.length; at++) {
    const text = words[at]?.text ?? '';
    if (text === '--') {
      at++;
      break;
    }
    if (!text.startsWith('-') || text === '-') break;
    for (const letter of text.slice(1)) {
      if (!known.includes(letter)) throw new UsageError(`${command}: has no option -${letter}`);
      options.add(letter);
    }
  }
  return { options, words: words.slice(at) };
}

/** Does it stand for more than one name perhaps? */
export function isPattern(pattern: string): boolean {
  return MAGIC.test(pattern);
}

/** The one name that a pattern without anything special stands for. */
export function plainText(pattern: string): string {
  return pattern.replace(/\\(.)/gs, '$1');
}

/** The pattern that stands for this name only. */
export function escapePattern(text: string): string {
  return text.replace(SPECIAL, '\\$&');
}

/** The name as a word that the parser reads as this name. */
export function quoteWord(text: string): string {
  return text === '' ? "''" : text.replace(/^[-@!#~]|[\s'"\\*?[\]{}]/g, '\\$&');
}

/** The words of a line that need not be complete, as when it is being typed; see {@link parseCommandLine}. */
export function splitWords(
  line: string,
  isComplete = true,
): {
  readonly words: readonly Word[];
  /** Where the last word begins; the line's length behind a blank. */
  readonly lastAt: number;
} {
  const splitter = new Splitter(line);
  const words: Word[] = [];
  let lastAt = line.length;
  for (let start = splitter.skipBlanks(); start < line.length; start = splitter.skipBlanks()) {
    if (line[start] === '#') break;
    words.push(splitter.word(isComplete));
    lastAt = splitter.isAtEnd ? start : line.length;
  }
  return { words, lastAt };
}

class Splitter {
  readonly #line: string;
  #at = 0;
  #text = '';
  #pattern = '';

  constructor(line: string) {
    this.#line = line;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#line.length;
  }

  skipBlanks(): number {
    while (isBlank(this.#line[this.#at])) this.#at++;
    return this.#at;
  }

  word(isComplete: boolean): Word {
    this.#text = '';
    this.#pattern = '';
    while (!this.isAtEnd && !isBlank(this.#line[this.#at])) {
      const character = this.#take();
      if (character === "'" || character === '"') this.#quotes(character, isComplete);
      else if (character === '\\') this.#escaped(isComplete);
      else this.#add(character, character);
    }
    return { text: this.#text, pattern: this.#pattern };
  }

  #quotes(quote: string, isComplete: boolean): void {
    while (!this.isAtEnd) {
      const character = this.#take();
      if (character === quote) return;
      const next = this.#line[this.#at];
      const isEscape = quote === '"' && character === '\\' && (next === '"' || next === '\\');
      this.#literal(isEscape ? this.#take() : character);
    }
    if (isComplete) throw new UsageError(`a ${quote} is not closed`);
  }

  #escaped(isComplete: boolean): void {
    if (!this.isAtEnd) this.#literal(this.#take());
    else if (isComplete) throw new UsageError('a backslash at the end of the line');
  }

  #take(): string {
    const character = String.fromCodePoint(this.#line.codePointAt(this.#at) ?? 0);
    this.#at += character.length;
    return character;
  }

  #literal(character: string): void {
    this.#add(character, escapePattern(character));
  }

  #add(text: string, pattern: string): void {
    this.#text += text;
    this.#pattern += pattern;
  }
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}
