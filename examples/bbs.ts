/**
 * A bulletin board that people read and write with `ssh`, as in the old days:
 *
 *     node build/examples/bbs.js 2200 [AUTHORIZED_KEYS]
 *     ssh -p 2200 guest@localhost          (the password is `rxjs`; or log in with one of the keys)
 *
 * What a visitor sees is one expression: keys typed and news of the others → lines → answers → screen. The keys are read at the pace
 * at which the screen takes what they lead to, so that nobody can flood the board faster than he reads it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  authorizedKeys,
  type AuthPolicy,
  escapeText,
  type ExitResult,
  exitWith,
  fingerprint,
  generatePrivateKey,
  listen,
  outsideDelivery,
  type ServerSession,
} from 'rxssh';
import {
  concat,
  defer,
  filter,
  finalize,
  from,
  map,
  merge,
  mergeMap,
  type Observable,
  Subject,
  takeWhile,
} from 'rxjs';

const [port = '2200', keysFile] = process.argv.slice(2);
const MAX_POSTS = 100;
const MAX_LINE = 200;

const posts: string[] = [];
const names = new Set<string>();
/** What everybody on the board is told. */
const news$ = new Subject<string>();
const tell = (news: string): void => outsideDelivery(() => news$.next(news));

/** Somebody who is here. */
interface Visitor {
  name: string;
  line: string;
}

/** What there is to show after a key, and whether that was the last. */
interface Shown {
  readonly text: string;
  readonly isOver?: boolean;
}

const BYE: Shown = { text: '\nBye!\n', isOver: true };

const COMMANDS: Readonly<Record<string, (visitor: Visitor, rest: string) => string>> = {
  help: () => 'post TEXT | read | who | bye',
  who: () => [...names].join(', '),
  read: () => posts.join('\n') || 'Nothing is here yet. Be the first!',
  post: ({ name }, rest) => {
    if (rest === '') return 'post what?';
    posts.push(`${new Date().toISOString().slice(11, 16)} ${name}: ${rest}`);
    posts.splice(0, posts.length - MAX_POSTS);
    tell(`${name} has posted`);
    return 'Thank you.';
  },
};

/** The terminal is the client's, and raw: what is typed comes key by key, and is only seen when we say so. */
const ESCAPE = '\u001b';
const KEYS = new RegExp(`${ESCAPE}(?:[[O][0-9;]*.?)?|.`, 'gsu');
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]$/u;
const prompt = ({ name, line }: Visitor): string =>
  `\r${ESCAPE}[K${name === '' ? 'Your name' : name}> ${line}`;

/** One key: edits the line, and shows how it looks now. */
function press(visitor: Visitor, key: string): Shown {
  if (key === '\r' || key === '\n') return enter(visitor);
  const isEnd = key === '\u0003' || (key === '\u0004' && visitor.line === '');
  if (isEnd) return BYE;
  if (key === '\u007f' || key === '\b') visitor.line = visitor.line.replace(/\P{M}\p{M}*$/u, '');
  else if (key === '\u0015') visitor.line = '';
  else if (key === '\u0017') visitor.line = visitor.line.replace(/\S*\s*$/u, '');
  else if (PRINTABLE.test(key) && visitor.line.length < MAX_LINE) visitor.line += key;
  return { text: prompt(visitor) };
}

/** A line: the first is the visitor's name, the others are commands. */
function enter(visitor: Visitor): Shown {
  const line = visitor.line.trim();
  visitor.line = '';
  if (line === 'bye') return BYE;
  const answer = visitor.name === '' ? name(visitor, line) : command(visitor, line);
  return { text: `\n${answer}${prompt(visitor)}` };
}

function name(visitor: Visitor, wanted: string): string {
  if (wanted === '') return '';
  if (names.has(wanted)) return `Somebody is called ${wanted} already.\n`;
  visitor.name = wanted;
  names.add(wanted);
  tell(`${wanted} has come`);
  return `Welcome, ${wanted}! Type help.\n`;
}

function command(visitor: Visitor, line: string): string {
  const [, word = '', rest = ''] = /^(\S*)\s*(.*)$/u.exec(line) ?? [];
  if (word === '') return '';
  const run = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  return `${run?.(visitor, rest) ?? `There is no ${word}.`}\n`;
}

function leave({ name }: Visitor): void {
  if (names.delete(name)) tell(`${name} has gone`);
}

/** What a visitor sees, from the greeting to the end. */
function visit(session: ServerSession): Observable<ExitResult> {
  return defer(() => {
    const visitor: Visitor = { name: '', line: '' };
    const decoder = new TextDecoder();
    const encoder = new TextEncoder();
    const greeting = `The board greets you, ${escapeText(session.user)}. There are ${names.size} others.\n`;
    const keys$ = session.stdin$.pipe(
      mergeMap((bytes) => from(decoder.decode(bytes, { stream: true }).match(KEYS) ?? [])),
      map((key) => press(visitor, key)),
    );
    const others$ = news$.pipe(
      filter(() => visitor.name !== ''),
      map((news) => ({ text: `\r${ESCAPE}[K* ${news}\n${prompt(visitor)}` })),
    );
    const screen$ = merge(
      [{ text: greeting + prompt(visitor) }],
      concat(keys$, [BYE]),
      others$,
    ).pipe(
      takeWhile((shown: Shown) => shown.isOver !== true, true),
      map(({ text }) => encoder.encode(text.replaceAll('\n', '\r\n'))),
      finalize(() => leave(visitor)),
    );
    return session.stdout.pump(screen$).pipe(exitWith(0));
  });
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
const byKey = authorizedKeys(keysFile === undefined ? '' : readFileSync(keysFile, 'utf8'));
const authenticate: AuthPolicy = (attempt) =>
  attempt.method === 'password'
    ? timingSafeEqual(digest(attempt.password), digest('rxjs'))
    : byKey(attempt);

const hostKey = generatePrivateKey('ed25519');

listen({
  port: Number(port),
  hostKeys: [hostKey],
  authenticate,
  pty: true,
  shell: (session) =>
    session.pty === undefined
      ? session.stderr.pump('The board is read on a terminal: ssh -t\n').pipe(exitWith(1))
      : visit(session),
}).subscribe((event) => {
  if (event.type === 'listening') {
    console.log(`listening on ${event.address}:${event.port}, ${fingerprint(hostKey.publicKey)}`);
  } else if (event.type === 'handler-error') console.error(event.error);
});
