/** Which hosts are trusted: StrictHostKeyChecking and the known_hosts files. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { from, map, type Observable, tap } from 'rxjs';
import {
  escapeText,
  type HostKeyPolicy,
  type HostKeyQuestion,
  type HostKeysUpdate,
  type HostKeysUpdatePolicy,
  isSshError,
  type KnownHosts,
  knownHostsFiles,
  type KnownHostsStore,
} from '../node.ts';
import { fingerprint } from '../keys/index.ts';
import type { Messages } from './io.ts';
import type { Settings } from './settings.ts';
import type { Prompter } from './terminal.ts';
import { oneOf, path, words, yesNo } from './values.ts';

const POLICIES = ['yes', 'accept-new', 'ask', 'no', 'off'] as const;
const SYSTEM_FILES = '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2';

/** The policy that was set; `ask` where there is somebody to ask, else `yes`. */
export function hostKeyPolicy(
  settings: Settings,
  terminal: Prompter | undefined,
  messages: Messages,
): HostKeyPolicy {
  const set = settings.first('StrictHostKeyChecking', (key, value) =>
    oneOf(key, /^true$/i.test(value) ? 'yes' : /^false$/i.test(value) ? 'no' : value, POLICIES),
  );
  const hash = settings.first('HashKnownHosts', yesNo) ?? false;
  switch (set ?? (terminal === undefined ? 'yes' : 'ask')) {
    case 'yes':
      return { policy: 'strict' };
    case 'accept-new':
      return { policy: 'accept-new', hash };
    case 'ask':
      if (terminal === undefined) return { policy: 'strict' };
      return { policy: 'ask', hash, ask: (question) => askAbout(question, terminal) };
    default:
      return { policy: 'no', warn: (question) => warn(question, messages) };
  }
}

/** Tells once what can be done where nobody was asked about an unknown host. */
export function unknownHostAdvice(messages: Messages): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (isTold || !isSshError(error, 'host-key') || error.detail.reason !== 'unknown') return;
    isTold = true;
    messages.notice(
      'compare the fingerprint with what the host itself says (rxssh keygen -l); then -o StrictHostKeyChecking=accept-new adds the key',
    );
  };
}

/** Whether a known host's further keys are added: only when `UpdateHostKeys` says so, and `ask` where there is somebody to ask. */
export function hostKeysUpdatePolicy(
  settings: Settings,
  terminal: Prompter | undefined,
): HostKeysUpdatePolicy {
  const set = settings.first('UpdateHostKeys', (key, value) =>
    value.toLowerCase() === 'ask' ? value : yesNo(key, value),
  );
  if (typeof set !== 'string') return set ?? false;
  return terminal === undefined ? false : (update) => askAboutKeys(update, terminal);
}

/** The files that were set. The user's first one is written; `-v` tells once of the lines that cannot be read. */
export function knownHosts(settings: Settings, messages: Messages): KnownHostsStore {
  const ssh = join(homedir(), '.ssh');
  const own = `"${join(ssh, 'known_hosts')}" "${join(ssh, 'known_hosts2')}"`;
  const user = files('UserKnownHostsFile', settings, own);
  const all = [...user, ...files('GlobalKnownHostsFile', settings, SYSTEM_FILES)];
  const store = knownHostsFiles(all);
  const tell = problemTeller(messages);
  const load = (): Observable<KnownHosts> => from(store.load()).pipe(tap(tell));
  // the system's files are not ours to write
  return { load, add: user.length > 0 ? (line) => store.add(line) : () => [true] };
}

/** Each connection reads the files. */
function problemTeller(messages: Messages): (known: KnownHosts) => void {
  const told = new Set<string>();
  return ({ problems }) => {
    for (const { file, line, message } of problems) {
      const text = `${file}:${String(line)}: ${message}`;
      if (!told.has(text)) messages.verbose(1, text);
      told.add(text);
    }
  };
}

function files(key: string, settings: Settings, standard: string): readonly string[] {
  const value = settings.first(key, (_, text) => text) ?? standard;
  if (value.toLowerCase() === 'none') return [];
  return words(key, value).map((word) => path(key, word));
}

function askAbout(question: HostKeyQuestion, terminal: Prompter): Observable<boolean> {
  const { fingerprint } = question;
  const text =
    `The authenticity of host ${describe(question)} can't be established.\n` +
    `${question.key.type} key fingerprint is ${fingerprint}.\n` +
    'Are you sure you want to continue connecting (yes/no/fingerprint)? ';
  return terminal
    .ask(text)
    .pipe(map((answer) => /^yes$/i.test(answer.trim()) || answer.trim() === fingerprint));
}

function askAboutKeys(update: HostKeysUpdate, terminal: Prompter): Observable<boolean> {
  const keys = update.keys.map((key) => `  ${key.type} ${fingerprint(key)}\n`).join('');
  const text =
    `The host ${describe(update)} has further keys:\n${keys}` +
    'Do you want to add them to the known hosts (yes/no)? ';
  return terminal.ask(text).pipe(map((answer) => /^yes$/i.test(answer.trim())));
}

function warn(question: HostKeyQuestion, messages: Messages): void {
  messages.error(
    `WARNING: the host key of ${describe(question)} is unknown and NOT CHECKED ` +
      `(StrictHostKeyChecking=no): ${question.key.type} ${question.fingerprint}. Anybody may be behind it.`,
  );
}

function describe({ host, port }: Pick<HostKeyQuestion, 'host' | 'port'>): string {
  return `'${escapeText(host)}' (port ${String(port)})`;
}
