/** Commands of `rxssh sftp` that look at files of the server, or change them. */
import { concat, defer, EMPTY, map, mergeMap, type Observable, of, tap } from 'rxjs';
import {
  drain,
  type FileName,
  isDirectory,
  listingLine,
  StatusCode,
  statusError,
} from '../node.ts';
import { shownName } from './sftp-connection.ts';
import { diskFree } from './sftp-disk-free.ts';
import { listing, type ListingOptions } from './sftp-listing.ts';
import { listingSource } from './sftp-listing-source.ts';
import type { Arguments, Word } from './sftp-parser.ts';
import { type RemoteMatch, RemotePaths } from './sftp-paths.ts';
import type { SftpCommand, SftpSession } from './sftp-session.ts';
import { UsageError } from './usage.ts';

const ANY = Number.POSITIVE_INFINITY;
/** Files that one command works on at a time. */
const CONCURRENCY = 16;
const POSIX_RENAME = 'posix-rename@openssh.com';
const MOST_ID = 0xffff_ffff;

/** The commands. */
export const REMOTE_COMMANDS: readonly SftpCommand[] = [
  {
    names: ['cd', 'chdir'],
    usage: '[folder]',
    help: 'go to a folder of the server; to the first one without a name',
    words: [0, 1],
    completes: ['remote'],
    run: (session, { words: [word] }) =>
      word === undefined
        ? defer(() => {
            session.remote = new RemotePaths(session.fs);
            return EMPTY;
          })
        : changeFolder(session, word),
  },
  {
    names: ['pwd'],
    usage: '',
    help: 'show the folder of the server',
    words: [0, 0],
    run: (session) =>
      session.fs
        .realpath(session.remote.of(''))
        .pipe(tap(({ text }) => session.line(`remote folder: ${shownName(text)}`))),
  },
  {
    names: ['ls', 'dir'],
    usage: '[-1aflnrSt] [path]...',
    help: 'list files of the server',
    options: '1aflnrSt',
    words: [0, ANY],
    completes: ['remote'],
    run: (session, { options, words }) =>
      concat(
        ...(words.length === 0 ? [''] : patterns(words)).map((p) => list(session, p, options)),
      ),
  },
  {
    names: ['mkdir'],
    usage: '[-p] folder...',
    help: 'make folders; -p: with those above them',
    options: 'p',
    words: [1, ANY],
    completes: ['remote'],
    run: (session, { options, words }) =>
      eachPath(session, words, (path) =>
        options.has('p') ? session.fs.mkdirp(path) : session.fs.mkdir(path),
      ),
  },
  {
    names: ['rm', 'delete'],
    usage: '[-r] path...',
    help: 'remove files; -r: and folders with all that is in them',
    options: 'r',
    words: [1, ANY],
    completes: ['remote'],
    run: (session, { options, words }) =>
      eachMatch(session, words, 'remove', ({ path }) =>
        options.has('r') ? session.fs.removeAll(removable(path)) : session.fs.remove(path),
      ),
  },
  {
    names: ['rmdir'],
    usage: 'folder...',
    help: 'remove empty folders',
    words: [1, ANY],
    completes: ['remote'],
    run: (session, { words }) => eachPath(session, words, (path) => session.fs.rmdir(path)),
  },
  {
    names: ['rename', 'mv'],
    usage: 'old new',
    help: 'rename; replaces what is there by the new name where the server can',
    words: [2, 2],
    completes: ['remote'],
    run: (session, { words }) =>
      twoPaths(session, words, (from, to) =>
        session.fs.extensions.has(POSIX_RENAME)
          ? session.fs.posixRename(from, to)
          : session.fs.rename(from, to),
      ),
  },
  {
    names: ['ln', 'symlink'],
    usage: '[-s] existing new',
    help: 'make a second name for a file; -s: a symbolic link',
    options: 's',
    words: [2, 2],
    completes: ['remote'],
    run: (session, { options, words }) =>
      options.has('s')
        ? symbolicLink(session, words)
        : twoPaths(session, words, (existing, link) => session.fs.hardlink(existing, link)),
  },
  {
    names: ['chmod'],
    usage: 'mode path...',
    help: 'set permissions: an octal number',
    words: [2, ANY],
    completes: ['remote'],
    run: (session, { words: [mode, ...files] }) => setPermissions(session, mode, files),
  },
  {
    names: ['chown'],
    usage: 'owner[:group] path...',
    help: 'set owner and group, by their numbers',
    words: [2, ANY],
    completes: ['remote'],
    run: (session, { words: [owner, ...files] }) => setOwner(session, owner, files),
  },
  {
    names: ['df'],
    usage: '[-h] [path]',
    help: 'show what the file system has and has left; -h: in units',
    options: 'h',
    words: [0, 1],
    completes: ['remote'],
    run: (session, { options, words: [word] }) =>
      session.remote.one(word?.pattern ?? '').pipe(
        mergeMap((path) => session.fs.statvfs(path)),
        tap((reply) => session.line(diskFree(reply, options.has('h')))),
      ),
  },
  {
    names: ['stat'],
    usage: 'path...',
    help: 'show what the server says of files',
    words: [1, ANY],
    completes: ['remote'],
    run: (session, { words }) =>
      eachMatch(session, words, 'stat', ({ path, shown }) =>
        session.fs
          .lstat(path)
          .pipe(tap((told) => session.line(listingLine(shownName(shown.text), told)))),
      ),
  },
];

function patterns(words: readonly Word[]): readonly string[] {
  return words.map(({ pattern }) => pattern);
}

function changeFolder(session: SftpSession, word: Word): Observable<unknown> {
  const { fs, remote } = session;
  return remote.one(word.pattern).pipe(
    mergeMap((path) => fs.realpath(path)),
    mergeMap((path) => fs.stat(path).pipe(map((attributes) => ({ path, attributes })))),
    tap(({ path, attributes }) => {
      if (!isDirectory(attributes))
        throw statusError(StatusCode.FAILURE, 'cd', { path, message: 'not a folder' });
      session.remote = new RemotePaths(fs, path);
    }),
  );
}

function list(
  session: SftpSession,
  pattern: string,
  options: Arguments['options'],
): Observable<unknown> {
  const isLong = options.has('l') || options.has('n');
  const inColumns = isLong || options.has('1') ? {} : session.width;
  return listingSource(session.fs, session.remote, pattern).pipe(
    mergeMap(({ file$, isNamed }) => {
      const shown: ListingOptions = {
        isLong,
        isNumeric: options.has('n'),
        isReversed: options.has('r'),
        isAll: options.has('a') || isNamed,
        sort: order(options),
        ...inColumns,
      };
      return session.lines(listing(session.fs, file$, shown));
    }),
  );
}

function order(options: Arguments['options']): NonNullable<ListingOptions['sort']> {
  if (options.has('f')) return 'none';
  if (options.has('t')) return 'time';
  return options.has('S') ? 'size' : 'name';
}

/** In the order of the words; an error ends it. */
function eachPath(
  { remote }: SftpSession,
  words: readonly Word[],
  work: (path: FileName) => Observable<unknown>,
): Observable<unknown> {
  return concat(...words.map(({ pattern }) => remote.one(pattern).pipe(mergeMap(work))));
}

/** The same for everything that a pattern stands for, many at a time. */
function eachMatch(
  { remote }: SftpSession,
  words: readonly Word[],
  operation: string,
  work: (match: RemoteMatch) => Observable<unknown>,
): Observable<unknown> {
  return concat(
    ...words.map(({ pattern }) =>
      remote.matches(pattern, operation).pipe(drain(work, { concurrency: CONCURRENCY })),
    ),
  );
}

function twoPaths(
  { remote }: SftpSession,
  [first, second]: readonly Word[],
  work: (first: FileName, second: FileName) => Observable<unknown>,
): Observable<unknown> {
  return remote
    .one(first?.pattern ?? '')
    .pipe(
      mergeMap((from) => remote.one(second?.pattern ?? '').pipe(mergeMap((to) => work(from, to)))),
    );
}

/** Where a symbolic link leads is kept as it is written. */
function symbolicLink(
  { fs, remote }: SftpSession,
  [to, link]: readonly Word[],
): Observable<unknown> {
  return remote.one(link?.pattern ?? '').pipe(mergeMap((path) => fs.symlink(to?.text ?? '', path)));
}

function setPermissions(
  session: SftpSession,
  word: Word | undefined,
  files: readonly Word[],
): Observable<unknown> {
  const mode = permissions(word?.text ?? '');
  return eachMatch(session, files, 'setstat', ({ path }) => session.fs.chmod(path, mode));
}

function setOwner(
  session: SftpSession,
  word: Word | undefined,
  files: readonly Word[],
): Observable<unknown> {
  const { uid, gid } = owners(word?.text ?? '');
  const { fs } = session;
  // the protocol has them together
  const known = (path: FileName): Observable<number> =>
    gid === undefined ? fs.stat(path).pipe(map((told) => told.gid ?? uid)) : of(gid);
  return eachMatch(session, files, 'setstat', ({ path }) =>
    known(path).pipe(mergeMap((group) => fs.chown(path, uid, group))),
  );
}

/** The folder that one is in is not removed by `.`, as with `rm`. */
function removable(path: FileName): FileName {
  if (/(^|\/)\.{1,2}\/*$/.test(path.text)) throw new UsageError('rm: not of . and ..');
  return path;
}

function permissions(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) throw new UsageError(`chmod: ${text} is no octal mode`);
  return Number.parseInt(text, 8);
}

function owners(text: string): { readonly uid: number; readonly gid?: number } {
  const [, uid, gid] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (uid === undefined || Number(uid) > MOST_ID || Number(gid ?? 0) > MOST_ID)
    throw new UsageError(`chown: ${text} is no number of an owner`);
  return { uid: Number(uid), ...(gid === undefined ? {} : { gid: Number(gid) }) };
}
