/** Commands as words. */
import { TEXT, TEXTS } from '../auth/option-kinds.ts';
import { SshError } from '../errors.ts';

/** A command line for the remote shell, or words that are quoted so that a POSIX shell takes each as it is. */
export type Command = string | readonly string[];

/** Words that no POSIX shell looks into; one with `=` in front of a command would be an assignment. */
const PLAIN_WORD = /^[A-Za-z0-9_@%+:,./-]+$/;
/** As the first word, unquoted, these are grammar (POSIX 2.4, and what other shells add to it). */
const RESERVED_WORD =
  /^(?:case|coproc|do|done|elif|else|esac|fi|for|function|if|in|namespace|select|then|time|until|while)$/;

/**
 * The command line that is sent. Words are put in single quotes where they need it. Throws `config` for a NUL byte, which no
 * command line can hold, for a command without a word, and for what is no command.
 *
 * @example `commandLine(['rm', '--', "it's"])` is `rm -- 'it'\''s'`
 */
export function commandLine(command: Command): string {
  if (!TEXT.fits(command) && !TEXTS.fits(command))
    throw problem('a command is a text, or a list of texts');
  if (typeof command !== 'string' && command.length === 0) throw problem('no command was given');
  const line = typeof command === 'string' ? command : command.map(quoteWord).join(' ');
  if (line.includes('\0')) throw problem('a command cannot hold a NUL character');
  return line;
}

function quoteWord(word: string): string {
  if (PLAIN_WORD.test(word) && !RESERVED_WORD.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function problem(message: string): SshError<'config'> {
  return new SshError('config', message, { option: 'command' });
}
