/** What the options of `serve` come to. */
import {
  childProcess,
  hasTerminals,
  isSshError,
  type ListenOptions,
  loginShell,
  nodeFileSystem,
  scpServer,
  sftpServer,
} from '../node.ts';
import { readText } from './hosts.ts';
import type { Settings } from './settings.ts';
import { UsageError } from './usage.ts';
import { integer, path, words, yesNo } from './values.ts';

const MAX_BANNER = 64 * 1024;

/**
 * Commands and shells, as the user who has started this, on terminals where there are any; none without `--allow-exec`. The values
 * are read in any case: a wrong one is told whatever uses it.
 */
export function commands(
  { allowExec = false }: { readonly allowExec?: boolean },
  settings: Settings,
): Partial<ListenOptions> {
  const command = forcedCommand(settings);
  const acceptEnv = settings.all('AcceptEnv').flatMap((value) => words('AcceptEnv', value));
  const isAllowed = settings.first('AllowAgentForwarding', yesNo) === true;
  const agent = settings.first('DisableForwarding', yesNo) !== true && isAllowed;
  const pty = settings.first('PermitTTY', yesNo) !== false && hasTerminals();
  if (!allowExec) return {};
  const run = command === undefined ? loginShell() : childProcess({ command });
  return { exec: run, shell: run, pty, acceptEnv, agent };
}

/** What runs in place of whatever a client asks for, if anything is forced. */
export function forcedCommand(settings: Settings): string | undefined {
  const force = settings.first('ForceCommand', (_, value) => value);
  return force?.toLowerCase() === 'none' ? undefined : force;
}

/**
 * The files below the folder of `--sftp-root`, by SFTP and by scp. Throws a `UsageError` when there is no such folder, and where a
 * command is forced: files would be a way around it.
 */
export function files(
  {
    sftpRoot: root,
    readOnly = false,
  }: {
    readonly sftpRoot?: string;
    readonly readOnly?: boolean;
  },
  settings: Settings,
): Partial<ListenOptions> {
  if (root === undefined) {
    if (readOnly) throw new UsageError('serve: --read-only needs --sftp-root DIR');
    return {};
  }
  if (forcedCommand(settings) !== undefined)
    throw new UsageError('--sftp-root and ForceCommand exclude each other');
  try {
    const served = nodeFileSystem({ root, readOnly });
    return { subsystems: { sftp: sftpServer(served) }, exec: scpServer(served) };
  } catch (thrown) {
    if (isSshError(thrown, 'config')) throw new UsageError(`--sftp-root: ${thrown.message}`);
    throw thrown;
  }
}

/** Text before the login: the option's, or that of the file in `-o Banner`. */
export function bannerOf(banner: string | undefined, settings: Settings): string | undefined {
  const file = settings.first('Banner', (_, value) => value);
  if (banner !== undefined || file === undefined || file.toLowerCase() === 'none') {
    return banner === undefined ? undefined : `${banner}\r\n`;
  }
  return readText(path('Banner', file), '-o Banner', MAX_BANNER);
}

/** `127.0.0.1:2222`, `[::1]:2222`, `localhost:0`. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined)
    throw new UsageError(`--listen ${JSON.stringify(text)}: expected ADDR:PORT`);
  return { host, port: integer('--listen', match?.[3] ?? '', 0, 65_535) };
}

/** An address and its port as they are written. */
export function shownAddress({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): string {
  return `${address.includes(':') ? `[${address}]` : address}:${String(port)}`;
}
