/** Commands of `rxssh sftp` that move files. */
import {
  defer,
  finalize,
  map,
  mergeMap,
  type Observable,
  of,
  tap,
  throwIfEmpty,
  toArray,
} from 'rxjs';
import {
  drain,
  fromPull,
  globFiles,
  localFiles,
  type SshError,
  type TransferProgress,
} from '../node.ts';
import { Messages } from './io.ts';
import { ProgressBars } from './progress-bars.ts';
import { shownFailure } from './sftp-connection.ts';
import { type Arguments, escapePattern, isPattern, type Word } from './sftp-parser.ts';
import type { SftpCommand, SftpSession } from './sftp-session.ts';
import { getFiles, putFiles, type TransferContext } from './transfer-files.ts';
import { tell } from './transfer-view.ts';

const OPTIONS = 'afpr';
const ANY = Number.POSITIVE_INFINITY;

/** The commands. */
export const TRANSFER_COMMANDS: readonly SftpCommand[] = [
  getCommand('get', 'get files; -r: folders too; -p: keep times; -a: resume; -f: sync', ''),
  getCommand('reget', 'get -a: go on where an earlier one has ended', 'a'),
  putCommand('put', 'put files, as get gets them', ''),
  putCommand('reput', 'put -a', 'a'),
];

function getCommand(name: string, help: string, always: string): SftpCommand {
  return {
    names: [name],
    usage: '[-afpr] remote... [local]',
    help,
    options: OPTIONS,
    words: [1, ANY],
    completes: ['remote'],
    run: (session, { options, words }): Observable<unknown> => {
      const { sources, target } = split(words);
      const patterns = sources.map(({ pattern }) => pattern);
      const local = session.local(target?.text ?? '.');
      return shown(session, getFiles(contextOf(session, options, always), patterns, local));
    },
  };
}

function putCommand(name: string, help: string, always: string): SftpCommand {
  return {
    names: [name],
    usage: '[-afpr] local... [remote]',
    help,
    options: OPTIONS,
    words: [1, ANY],
    completes: ['local'],
    run: (session, { options, words }) => {
      const { sources, target } = split(words);
      const context = contextOf(session, options, always);
      return localNames(session, sources).pipe(
        mergeMap((locals) => shown(session, putFiles(context, locals, target?.pattern ?? '.'))),
      );
    },
  };
}

/** With one name it is what is moved; of more, the last is where it goes. */
function split(words: readonly Word[]): {
  readonly sources: readonly Word[];
  readonly target: Word | undefined;
} {
  if (words.length < 2) return { sources: words, target: undefined };
  return { sources: words.slice(0, -1), target: words.at(-1) };
}

function contextOf(
  { fs, remote }: SftpSession,
  options: Arguments['options'],
  always: string,
): TransferContext {
  return {
    fs,
    remote,
    options: {
      onError: 'continue',
      recursive: options.has('r'),
      preserve: options.has('p'),
      fsync: options.has('f'),
      resume: options.has('a') || always.includes('a'),
    },
  };
}

/** The files of this machine that words stand for; a name without anything special is taken as it is. */
function localNames(session: SftpSession, words: readonly Word[]): Observable<readonly string[]> {
  const folder = escapePattern(session.localFolder);
  return fromPull(words).pipe(
    drain(({ text, pattern }) => {
      if (!isPattern(pattern)) return of(session.local(text));
      const whole = pattern.startsWith('/') ? pattern : `${folder}/${pattern}`;
      return globFiles(localFiles, whole).pipe(
        map(({ path }) => path.text),
        throwIfEmpty(() => new Error(`${text}: no such file`)),
      );
    }),
    toArray(),
  );
}

/** Shows how it goes; what could not be moved makes the command fail at its end. */
function shown(
  session: SftpSession,
  progress$: Observable<TransferProgress>,
): Observable<TransferProgress> {
  return defer(() => {
    const { io } = session;
    const bars = session.showsProgress ? new ProgressBars(io.stderr) : undefined;
    const messages = new Messages(bars?.output ?? io.stderr, session.verbosity);
    // the last one is told as what the command has come to
    let failure: SshError | undefined;
    return progress$.pipe(
      tap((progress) => {
        bars?.show(progress);
        if (progress.state !== 'failed') tell(progress, messages);
        if (progress.error === undefined) return;
        if (failure !== undefined) messages.error(shownFailure(failure));
        failure = progress.error;
      }),
      tap({
        complete: () => {
          if (failure !== undefined) throw failure;
        },
      }),
      finalize(() => bars?.end()),
    );
  });
}
