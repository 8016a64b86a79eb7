/**
 * authorized_keys: which keys may log in (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). Options in front of a key restrict it; a line
 * with one that is not known, or cannot be enforced, gives no key at all.
 */
import { escapeText, isSshError } from '../errors.ts';
import { type AuthorizedKeyOptions, readAuthorizedKeyOptions } from './authorized-key-options.ts';
import { splitField } from './key-format.ts';
import { parsePublicKeyLine, type PublicKey } from './public-key.ts';

/** A key that may log in, as far as its options let it. */
export interface AuthorizedKey extends AuthorizedKeyOptions {
  readonly publicKey: PublicKey;
  readonly comment: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A line that gives no key. */
export interface AuthorizedKeysProblem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong; safe to show. */
  readonly message: string;
}

/** The keys of a file. */
export interface AuthorizedKeys {
  readonly entries: readonly AuthorizedKey[];
  readonly problems: readonly AuthorizedKeysProblem[];
}

/** Longest line; a longer one is passed over whole, so that its tail cannot pass for a key. */
const MAX_LINE_LENGTH = 65536;
/** Each key costs a comparison at every login. */
const MAX_LINES = 10_000;

/** How types of keys begin: what begins otherwise is taken for options. */
const KEY_TYPE = /^(ssh|ecdsa-sha2|sk-ssh|sk-ecdsa-sha2)-[a-z0-9@.-]+$/;

/**
 * Reads an authorized_keys file. Never throws: lines that give no key are listed in `problems`.
 *
 * @param text - the whole file
 * @param file - its name, for problems
 */
export function parseAuthorizedKeys(text: string, file: string): AuthorizedKeys {
  const entries: AuthorizedKey[] = [];
  const problems: AuthorizedKeysProblem[] = [];
  const lines = text.replace(/\n$/, '').split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES) {
    lines.pop();
    const message = `more than ${String(MAX_LINES)} lines; the others are not read`;
    problems.push({ file, line: MAX_LINES + 1, message });
  }
  lines.forEach((raw, index) => {
    const line = index + 1;
    const content = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const [first] = splitField(content);
    if (first === '' || first.startsWith('#')) return;
    const parsed = parseLine(content, first);
    if (typeof parsed === 'string') problems.push({ file, line, message: parsed });
    else entries.push({ ...parsed, line });
  });
  return { entries, problems };
}

function parseLine(content: string, first: string): Omit<AuthorizedKey, 'line'> | string {
  if (content.length > MAX_LINE_LENGTH) return `line of ${String(content.length)} characters`;
  const read = KEY_TYPE.test(first)
    ? { options: { permissions: {} }, rest: content }
    : readAuthorizedKeyOptions(content.replace(/^[ \t]+/, ''));
  if (typeof read === 'string') return read;
  try {
    return { ...parsePublicKeyLine(read.rest), ...read.options };
  } catch (error) {
    if (isSshError(error, 'key-format')) return escapeText(error.message, 200);
    throw error;
  }
}
