/** Where a child process starts, and with which variables: a few of its own, not those of the server. */
import { existsSync } from 'node:fs';
import { homedir, type UserInfo, userInfo } from 'node:os';
import type { ServerSession } from './session.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The home folder of the server's user; the root where there is none. */
export function homeFolder(): string {
  const home = homedir();
  return existsSync(home) ? home : '/';
}

/**
 * The variables of a process, later ones win: those that a login has, those that the client may set, those of the options.
 *
 * @param forced - a command in place of the client's, and the variables of the options
 */
export function environment(
  { env, command, login }: ServerSession,
  shell: string,
  forced: { readonly command?: string; readonly env?: Readonly<Record<string, string>> },
): Record<string, string> {
  const user = userName();
  const isForced = forced.command !== undefined && login.permissions.command === undefined;
  const { PATH = DEFAULT_PATH, LANG } = process.env;
  return {
    PATH,
    HOME: homedir(),
    USER: user,
    LOGNAME: user,
    SHELL: shell,
    ...(LANG === undefined ? {} : { LANG }),
    ...Object.fromEntries(env),
    ...forced.env,
    ...(isForced && command !== undefined ? { SSH_ORIGINAL_COMMAND: command } : {}),
  };
}

/** The shell that the user database names for the server's user, if any. */
export function userShell(): string | undefined {
  const shell = entry()?.shell ?? '';
  return shell === '' ? undefined : shell;
}

function userName(): string {
  return entry()?.username ?? process.env['USER'] ?? String(process.getuid?.() ?? '');
}

function entry(): UserInfo<string> | undefined {
  try {
    return userInfo();
  } catch {
    // a user without an entry in the user database
    return undefined;
  }
}
