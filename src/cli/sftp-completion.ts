/** What a line that was begun could be: commands, and names of files here and there. */
import { readdir } from 'node:fs/promises';
import {
  catchError,
  defer,
  filter,
  map,
  mergeMap,
  type Observable,
  of,
  take,
  timeout,
  toArray,
} from 'rxjs';
import { isDirectory } from '../node.ts';
import { COMMANDS, commandNamed } from './sftp-commands.ts';
import { shownName } from './sftp-connection.ts';
import { quoteWord, splitWords, type Word } from './sftp-parser.ts';
import type { Completion } from './sftp-prompt.ts';
import type { SftpSession, Side } from './sftp-session.ts';

/** More names than these help nobody. */
const MOST_NAMES = 1_000;
/** Milliseconds after which a person would not wait any more. */
const PATIENCE = 3_000;

/** A name that could be meant. */
interface Candidate {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Emits once what could stand in place of a line's last part; nothing where the server does not tell in time. */
export function completion(session: SftpSession, line: string): Observable<Completion> {
  const { words, lastAt } = splitWords(line, false);
  const part = line.slice(lastAt);
  const typed = part === '' ? words : words.slice(0, -1);
  const [command] = typed;
  if (command === undefined) return of([commands(part), part]);
  const side = sideOf(command, typed.length - 1);
  if (side === undefined) return of([[], part]);
  const word = (part === '' ? undefined : words.at(-1)) ?? { text: '', pattern: '' };
  return candidates(session, side, word).pipe(
    timeout({ first: PATIENCE }),
    map((names): Completion => [names, part]),
    catchError(() => of<Completion>([[], part])),
  );
}

function commands(part: string): readonly string[] {
  return COMMANDS.map(({ names: [name = ''] }) => name)
    .filter((name) => name.startsWith(part.toLowerCase()))
    .map((name) => `${name} `);
}

/** Whose files the next word names. */
function sideOf({ text }: Word, before: number): Side | undefined {
  const { completes = [] } = commandNamed(text.toLowerCase()) ?? {};
  return completes[before] ?? completes.at(-1);
}

/** Names that cannot be typed, or would move the cursor when they are shown, are left out. */
function candidates(
  session: SftpSession,
  side: Side,
  { text, pattern }: Word,
): Observable<readonly string[]> {
  const cut = text.lastIndexOf('/') + 1;
  const folder = text.slice(0, cut);
  const begin = text.slice(cut);
  const isTilde = side === 'remote' && pattern.startsWith('~');
  const shownFolder = isTilde ? `~${quoteWord(folder.slice(1))}` : quoteFolder(folder);
  const name$ =
    side === 'remote'
      ? remoteNames(session, isTilde ? folder : quoteFolder(folder))
      : localNames(session.local(folder));
  return name$.pipe(
    filter(({ name }) => name.startsWith(begin) && shownName(name) === name),
    filter(({ name }) => begin.startsWith('.') || !name.startsWith('.')),
    take(MOST_NAMES),
    map(({ name, isFolder }) => {
      const word = shownFolder === '' ? quoteWord(name) : shownFolder + quoteWord(name);
      return `${word}${isFolder ? '/' : ' '}`;
    }),
    toArray(),
    map((names) => names.sort()),
  );
}

function quoteFolder(folder: string): string {
  return folder === '' ? '' : quoteWord(folder);
}

function remoteNames({ fs, remote }: SftpSession, folder: string): Observable<Candidate> {
  return remote.one(folder).pipe(
    mergeMap((path) => fs.list(path)),
    map(({ name, attributes }) => ({ name: name.text, isFolder: isDirectory(attributes) })),
  );
}

function localNames(folder: string): Observable<Candidate> {
  return defer(() => readdir(folder, { withFileTypes: true })).pipe(
    mergeMap((entries) => entries),
    map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() })),
  );
}
