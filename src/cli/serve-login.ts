/** Who may log in to `rxssh serve`. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { map } from 'rxjs';
import {
  isAddressPattern,
  matchesAddress,
  matchesWildcard,
  parseAuthorizedKeys,
} from '../keys/index.ts';
import { authorizedKeysFile, isSshError } from '../node.ts';
import { type AuthAttemptInfo, authenticationMethods, type AuthPolicy } from '../server/index.ts';
import { readText } from './hosts.ts';
import type { Messages } from './io.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { bad, words, yesNo } from './values.ts';

const MAX_AUTHORIZED_KEYS = 16 * 1024 * 1024;
const INTERACTIVE = 'keyboard-interactive';
const CHAINS = 'AuthenticationMethods';

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
  const isInteractive = settings.first('KbdInteractiveAuthentication', yesNo);
  const chains = chainsOf(settings);
  const isInChain = chains.some((chain) => chain.split(',').includes(INTERACTIVE));
  const takesKeys = settings.first('PubkeyAuthentication', yesNo) ?? true;
  const takesPasswords = settings.first('PasswordAuthentication', yesNo) ?? true;
  const methods = [
    ...(authorizedKeys !== undefined && takesKeys ? ['publickey'] : []),
    ...(password !== undefined && takesPasswords ? ['password'] : []),
    ...(password !== undefined && (isInteractive ?? isInChain) ? [INTERACTIVE] : []),
  ];
  if (methods.length === 0) {
    throw new UsageError(
      'serve: nobody could log in: give --authorized-keys FILE, or --user NAME with --password PASS or RXSSH_PASSWORD',
    );
  }
  if (authorizedKeys !== undefined) checkAuthorizedKeys(authorizedKeys, messages);
  const mayEnter = userRule(user, settings);
  const authenticate = judgeOf(authorizedKeys, password, mayEnter);
  return chained(chains, { methods, authenticate });
}

/** Decides by what the client presents, and who it says it is. */
function judgeOf(
  authorizedKeys: string | undefined,
  password: string | undefined,
  mayEnter: (attempt: AuthAttemptInfo) => boolean,
): AuthPolicy {
  const isKey = authorizedKeys === undefined ? undefined : authorizedKeysFile(authorizedKeys);
  const isPassword = password === undefined ? undefined : passwordRule(password);
  return (attempt) => {
    switch (attempt.method) {
      case 'publickey':
        return mayEnter(attempt) && (isKey?.(attempt) ?? false);
      case 'password':
        return mayEnter(attempt) && isPassword?.(attempt.password) === true;
      case 'keyboard-interactive':
        // whoever may not enter is asked, too: to be refused without a question would tell which users there are
        return attempt
          .ask({ prompts: [{ prompt: 'Password: ' }] })
          .pipe(map(([answer = '']) => mayEnter(attempt) && isPassword?.(answer) === true));
      case 'none':
      case 'hostbased':
        return false;
    }
  };
}

/** `any` is every method by itself. */
function chainsOf(settings: Settings): readonly string[] {
  const chains = settings.first(CHAINS, (key, value) => words(key, value)) ?? [];
  return chains.length === 1 && chains[0]?.toLowerCase() === 'any' ? [] : chains;
}

/** What AuthenticationMethods makes of it. */
function chained(chains: readonly string[], { methods, authenticate }: Logins): Logins {
  if (chains.length === 0) return { methods, authenticate };
  const missing = chains
    .flatMap((chain) => chain.split(','))
    .find((name) => !methods.includes(name));
  if (missing !== undefined) {
    const there = methods.join(', ');
    throw new UsageError(`${CHAINS}: ${missing} is not offered, only ${there}`);
  }
  try {
    return authenticationMethods(chains, authenticate);
  } catch (thrown) {
    throw isSshError(thrown, 'config')
      ? bad(CHAINS, chains.join(' '), 'chains of methods')
      : thrown;
  }
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

/** DenyUsers, and then AllowUsers, as sshd has them. */
function userRule(
  user: string | undefined,
  settings: Settings,
): (attempt: AuthAttemptInfo) => boolean {
  const denied = usersOf('DenyUsers', settings);
  const allowed = usersOf('AllowUsers', settings);
  return (attempt) => {
    if (user !== undefined && attempt.user !== user) return false;
    if (denied.some((pattern) => isUser(attempt, pattern))) return false;
    return allowed.length === 0 || allowed.some((pattern) => isUser(attempt, pattern));
  };
}

/** `USER`, or `USER@HOST` with an address, a network or a pattern for the host. */
interface UserPattern {
  readonly name: string;
  readonly host?: string;
}

function usersOf(key: string, settings: Settings): readonly UserPattern[] {
  return settings
    .all(key)
    .flatMap((value) => words(key, value))
    .map((text) => readUser(key, text));
}

function readUser(key: string, text: string): UserPattern {
  const at = text.lastIndexOf('@');
  if (at < 0) return { name: text };
  const host = text.slice(at + 1);
  if (host.startsWith('!') || !isAddressPattern(host))
    throw bad(key, text, 'USER or USER@HOST, with an address or a pattern for addresses');
  return { name: text.slice(0, at), host };
}

function isUser({ user, peer }: AuthAttemptInfo, { name, host }: UserPattern): boolean {
  return (
    matchesWildcard(user, name) && (host === undefined || matchesAddress(peer?.address, [host]))
  );
}
