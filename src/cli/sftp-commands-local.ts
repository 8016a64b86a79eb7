/** Commands of `rxssh sftp` that concern this machine. */
import { spawn } from 'node:child_process';
import { lstat, opendir, stat } from 'node:fs/promises';
import { concat, defer, from, mergeMap, Observable } from 'rxjs';
import { drain, fileName, fromPull } from '../node.ts';
import { shownName } from './sftp-connection.ts';
import { type ListedFile, listing } from './sftp-listing.ts';
import type { SftpCommand, SftpSession } from './sftp-session.ts';

const DEFAULT_SHELL = '/bin/sh';
/** In milliseconds, behind the end of a shell that was interrupted. */
const OWN_SIGNAL_TIMEOUT = 500;

/** The commands. */
export const LOCAL_COMMANDS: readonly SftpCommand[] = [
  {
    names: ['lcd', 'lchdir'],
    usage: '[folder]',
    help: 'go to a folder of this machine; home without a name',
    words: [0, 1],
    completes: ['local'],
    run: (session, { words: [word] }) =>
      defer(async () => {
        const folder = session.local(word?.text ?? session.io.env['HOME'] ?? '/');
        if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder`);
        session.localFolder = folder;
      }),
  },
  {
    names: ['lpwd'],
    usage: '',
    help: 'show the folder of this machine',
    words: [0, 0],
    run: (session) =>
      defer(async () => session.line(`local folder: ${shownName(session.localFolder)}`)),
  },
  {
    names: ['lls', 'ldir'],
    usage: '[-al] [folder]',
    help: 'list files of this machine',
    options: 'al',
    words: [0, 1],
    completes: ['local'],
    run: (session, { options, words: [word] }) =>
      session.lines(
        listing(session.fs, localFiles(session.local(word?.text ?? '')), {
          // the server's names of owners are not this machine's
          isLong: options.has('l'),
          isNumeric: true,
          isAll: options.has('a'),
          ...(options.has('l') ? {} : session.width),
        }),
      ),
  },
  {
    names: ['!'],
    usage: '[command]',
    help: 'run a command of the local shell, or the shell',
    words: [0, 1],
    run: (session, { words: [word] }) =>
      concat(
        from(session.stdout.flushed()),
        defer(() => shell(session, word?.text)),
      ),
  },
];

function localFiles(folder: string): Observable<ListedFile> {
  return from(opendir(folder)).pipe(
    mergeMap((entries) => fromPull(entries)),
    drain(async ({ name }): Promise<ListedFile> => {
      const { size, uid, gid, mode, mtimeMs } = await lstat(`${folder}/${name}`);
      const mtime = Math.floor(mtimeMs / 1000);
      return {
        name: fileName(Buffer.from(name)),
        attributes: { size, uid, gid, permissions: mode, atime: mtime, mtime },
      };
    }),
  );
}

/**
 * On the terminal that we are on. A batch's lines are no input of a command.
 *
 * The interrupt key signals every process of the terminal, and the shell's end may be seen before our own signal is: then
 * the signal is waited for, or it would take the next command back.
 */
function shell(
  { io, isInteractive, localFolder }: SftpSession,
  command: string | undefined,
): Observable<never> {
  return new Observable((out) => {
    const program = io.env['SHELL'] ?? DEFAULT_SHELL;
    const child = spawn(program, command === undefined ? [] : ['-c', command], {
      cwd: localFolder,
      stdio: [isInteractive ? 'inherit' : 'ignore', 'inherit', 'inherit'],
    });
    child.once('error', (error) => out.error(error));
    let waiting: NodeJS.Timeout | undefined;
    child.once('close', (status, signal) => {
      const fail = (): void =>
        out.error(new Error(`the shell ended with ${signal ?? `status ${String(status)}`}`));
      if (status === 0) out.complete();
      else if (isInteractive && signal === 'SIGINT') waiting = setTimeout(fail, OWN_SIGNAL_TIMEOUT);
      else fail();
    });
    return () => {
      clearTimeout(waiting);
      child.kill();
    };
  });
}
