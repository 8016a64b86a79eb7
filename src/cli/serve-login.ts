/** Who may log in to `rxssh serve`. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defer, from, map, type Observable, of } from 'rxjs';
import {
  equalPublicKeys,
  matchesWildcard,
  parseAuthorizedKeys,
  type PublicKey,
} from '../keys/index.ts';
import type { AuthAttemptInfo, AuthPolicy } from '../server/index.ts';
import { readText } from './hosts.ts';
import type { Messages } from './io.ts';
import type { Settings } from './settings.ts';
import { notYet, UsageError } from './usage.ts';
import { words } from './values.ts';

const MAX_AUTHORIZED_KEYS = 16 * 1024 * 1024;

/** What was said about logins. */
export interface LoginFlags {
  readonly authorizedKeys?: string;
  readonly user?: string;
  readonly password?: string;
}

/** Ways to log in, and who decides. */
export interface Logins {
  readonly methods: readonly string[];
  readonly authenticate: AuthPolicy;
}

/** The policy that the options come to. Throws a `UsageError` when nobody could log in. */
export function logins(
  flags: LoginFlags,
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
  messages: Messages,
): Logins {
  const { authorizedKeys, user } = flags;
  const password = flags.password ?? (user === undefined ? undefined : env['RXSSH_PASSWORD']);
  if (password !== undefined && user === undefined)
    throw new UsageError('serve: --password needs --user NAME');
  if (password === '') throw new UsageError('serve: an empty password lets everybody in');
  const methods = [
    ...(authorizedKeys === undefined ? [] : ['publickey']),
    ...(password === undefined ? [] : ['password']),
  ];
  if (methods.length === 0) {
    throw new UsageError(
      'serve: nobody could log in: give --authorized-keys FILE, or --user NAME with --password PASS or RXSSH_PASSWORD',
    );
  }
  if (authorizedKeys !== undefined) checkAuthorizedKeys(authorizedKeys, messages);
  const mayEnter = userRule(user, settings);
  const isPassword = password === undefined ? (): boolean => false : passwordRule(password);
  return {
    methods,
    authenticate: (attempt) => {
      if (!mayEnter(attempt.user)) return of(false);
      return judge(attempt, authorizedKeys, isPassword);
    },
  };
}

function judge(
  attempt: AuthAttemptInfo,
  authorizedKeys: string | undefined,
  isPassword: (password: string) => boolean,
): Observable<boolean> {
  switch (attempt.method) {
    case 'publickey':
      return authorizedKeys === undefined
        ? of(false)
        : isAuthorized(attempt.publicKey, authorizedKeys);
    case 'password':
      return of(isPassword(attempt.password));
    case 'none':
    case 'keyboard-interactive':
      return of(false);
  }
}

/** The file is read at each login: a key that was taken out of it lets nobody in. */
function isAuthorized(key: PublicKey, file: string): Observable<boolean> {
  return defer(() => from(readFile(file, 'utf8'))).pipe(
    map((text) =>
      parseAuthorizedKeys(text, file).entries.some((entry) =>
        equalPublicKeys(entry.publicKey, key),
      ),
    ),
  );
}

function checkAuthorizedKeys(file: string, messages: Messages): void {
  const text = readText(file, '--authorized-keys', MAX_AUTHORIZED_KEYS);
  const { entries, problems } = parseAuthorizedKeys(text, file);
  for (const { line, message } of problems) {
    messages.notice(`${file}:${String(line)}: ${message}`);
  }
  if (entries.length === 0) messages.notice(`${file} has no key that lets anybody in`);
}

/** Compared as keyed digests, in constant time: neither length nor content shows in how long it takes. */
function passwordRule(password: string): (guess: string) => boolean {
  const salt = randomBytes(32);
  const digest = (text: string): Buffer => createHash('sha256').update(salt).update(text).digest();
  const expected = digest(password);
  return (guess) => timingSafeEqual(digest(guess), expected);
}

function userRule(user: string | undefined, settings: Settings): (name: string) => boolean {
  const patterns = settings.all('AllowUsers').flatMap((value) => words('AllowUsers', value));
  if (patterns.some((pattern) => pattern.includes('@'))) throw notYet('AllowUsers with a host');
  return (name) =>
    (user === undefined || name === user) &&
    (patterns.length === 0 || patterns.some((pattern) => matchesWildcard(name, pattern)));
}
