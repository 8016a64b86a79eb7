/** Where a child process starts, and with which variables: a few of its own, not those of the server. */
import { existsSync } from 'node:fs';
import { homedir, type UserInfo, userInfo } from 'node:os';
import type { DuplexPeer } from '../streams/byte-duplex.ts';
import type { ServerSession } from './session.ts';

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The home folder of the server's user; the root where there is none. */
export function homeFolder(): string {
  const home = homedir();
  return existsSync(home) ? home : '/';
}

/** What the options of a handler say of the environment. */
interface Given {
  readonly shell: string;
  /** In place of the client's. */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The variables of a process, later ones win: those that a login has, those that the client may set, what
 * only we can know, those of the options.
 *
 * @param agentPath - the socket that leads to the client's agent
 */
export function environment(
  { env, command, login, connection }: ServerSession,
  given: Given,
  agentPath: string | undefined,
): Record<string, string> {
  const user = userName();
  const isForced = given.command !== undefined && login.permissions.command === undefined;
  const { PATH = DEFAULT_PATH, LANG } = process.env;
  return {
    PATH,
    HOME: homedir(),
    USER: user,
    LOGNAME: user,
    SHELL: given.shell,
    ...(LANG === undefined ? {} : { LANG }),
    ...Object.fromEntries(env),
    ...origin(connection.peer),
    ...(agentPath === undefined ? {} : { SSH_AUTH_SOCK: agentPath }),
    ...given.env,
    ...(isForced && command !== undefined ? { SSH_ORIGINAL_COMMAND: command } : {}),
  };
}

/** Whom the session is for, as sshd tells it. */
function origin(peer: DuplexPeer | undefined): Record<string, string> {
  if (peer?.local === undefined) return {};
  const { address, port, local } = peer;
  return {
    SSH_CLIENT: `${address} ${String(port)} ${String(local.port)}`,
    SSH_CONNECTION: `${address} ${String(port)} ${local.address} ${String(local.port)}`,
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
