/** `ProxyCommand`: words for a program, or a line for a shell where it cannot do without. */
import type { Observable } from 'rxjs';
import type { ByteDuplex, Target } from '../node.ts';
import { escapeText, proxyCommand } from '../node.ts';
import { LineSplitter } from '../operators/index.ts';
import type { Messages } from './io.ts';
import { UsageError } from './usage.ts';

type Words = readonly [string, ...string[]];

/** Runs the command for a host. */
export type ProxyDialler = (name: string, target: Required<Target>) => Observable<ByteDuplex>;

/** What a shell would look into, outside of quotes. */
const FOR_A_SHELL = /[$`;&|<>()*?[\]{}~#!\n]/;
/** Values that mean nothing to a shell wherever they stand. */
const PLAIN = /^[A-Za-z0-9_.,:@%+=/-]+$/;
/** A character, an escaped one, or something in quotes. */
const PIECE = /\\.|'[^']*'|"(?:[^"\\]|\\.)*"|[^\s"'\\]/g;
const WORD = new RegExp(`^(?:${PIECE.source})+`);
const TOKENS = /%(.)/g;
const LONGEST_LINE = 8192;

/**
 * Reads the value of `ProxyCommand`; `none` is `undefined`. It is taken apart as a shell would, without expanding anything, and each word
 * is given to the program as it is. Only a line with something for a shell in it (a variable, a pipe) is run by one, and then only when the
 * names in it are plain. Throws a `UsageError` for an unknown token and for quotes that do not match.
 */
export function proxyDialler(
  key: string,
  value: string,
  messages: Messages,
): ProxyDialler | undefined {
  if (value.toLowerCase() === 'none') return undefined;
  // what is wrong is told before anything is connected to
  fill(key, value, () => '');
  const words = splitWords(value);
  if (words === 'open quote') throw new UsageError(`${key}: a quote is not closed`);
  return (name, target) => {
    const command =
      words === 'for a shell'
        ? shellLine(key, value, name, target)
        : filled(key, words, name, target);
    return proxyCommand(command, { stderr: told(messages) });
  };
}

function filled(
  key: string,
  [program, ...words]: Words,
  name: string,
  target: Required<Target>,
): Words {
  const into = (word: string): string => fill(key, word, (token) => valueOf(token, name, target));
  return [into(program), ...words.map(into)];
}

/** `exec`, so that there is one process, which can be ended. */
function shellLine(key: string, line: string, name: string, target: Required<Target>): Words {
  const into = fill(key, line, (token) => {
    const value = valueOf(token, name, target);
    if (PLAIN.test(value)) return value;
    throw new UsageError(`${key}: ${JSON.stringify(value)} is not for a shell`);
  });
  return ['/bin/sh', '-c', `exec ${into}`];
}

function valueOf(token: string, name: string, { host, port, user }: Required<Target>): string {
  switch (token) {
    case 'h':
      return host;
    case 'n':
      return name;
    case 'p':
      return String(port);
    default:
      return user;
  }
}

/** Puts values for `%h`, `%n`, `%p` and `%r`, and `%` for `%%`. */
function fill(key: string, text: string, value: (token: string) => string): string {
  if (/(^|[^%])(%%)*%$/.test(text)) throw new UsageError(`${key}: a % at the end is no token`);
  return text.replace(TOKENS, (written, token: string) => {
    if (token === '%') return '%';
    if (!'hnpr'.includes(token)) throw new UsageError(`${key}: there is no token ${written}`);
    return value(token);
  });
}

/** Words as a shell sees them: blanks part them, quotes and backslashes keep them together. */
function splitWords(line: string): Words | 'for a shell' | 'open quote' {
  const words: string[] = [];
  for (let rest = line.trim(); rest !== ''; rest = rest.trimStart()) {
    const pieces = (WORD.exec(rest)?.[0] ?? '').match(PIECE) ?? [];
    const { length } = pieces.join('');
    if (length === 0) return 'open quote';
    if (pieces.some(isForShell)) return 'for a shell';
    words.push(pieces.map(unquoted).join(''));
    rest = rest.slice(length);
    if (/^\S/.test(rest)) return 'open quote';
  }
  const [program = '', ...others] = words;
  return [program, ...others];
}

function isForShell(piece: string): boolean {
  if (/^['\\]/.test(piece)) return false;
  if (!piece.startsWith('"')) return FOR_A_SHELL.test(piece);
  return /[$`]/.test(piece.replaceAll(/\\./g, ''));
}

function unquoted(piece: string): string {
  if (piece.startsWith('\\')) return piece.slice(1);
  if (piece.startsWith("'")) return piece.slice(1, -1);
  return piece.startsWith('"') ? piece.slice(1, -1).replaceAll(/\\(["\\$`])/g, '$1') : piece;
}

/** What the program says, a line at a time, and no more of a line than anybody reads. */
function told(messages: Messages): (bytes: Uint8Array) => void {
  const splitter = new LineSplitter(LONGEST_LINE);
  let isTooLong = false;
  return (bytes) => {
    if (isTooLong) return;
    try {
      splitter.push(bytes, (line) => messages.notice(`ProxyCommand: ${escapeText(line)}`));
    } catch {
      isTooLong = true;
    }
  };
}
