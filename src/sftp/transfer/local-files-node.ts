/** The files of this machine, as a side of a transfer. */
import {
  constants,
  lstat,
  lstatSync,
  mkdir,
  open,
  openSync,
  readdir,
  readlink,
  realpath,
  rename,
  stat,
  type Stats,
  statSync,
  symlink,
} from 'node:fs';
import {
  catchError,
  concat,
  EMPTY,
  firstValueFrom,
  map,
  mergeMap,
  Observable,
  type Subscriber,
  throwError,
} from 'rxjs';
import { errorCode, isSshError } from '../../errors.ts';
import { deliver } from '../../operators/credit.ts';
import { fileName, type FileName, joinPath } from '../file-name.ts';
import { attributesOf } from '../file-systems/node-attributes-node.ts';
import { isOnLocalDisk } from '../local-disks-node.ts';
import { quickly, type Told } from '../quick-calls-node.ts';
import { isMissing } from '../trees/missing.ts';
import type { TreeChild } from '../trees/walk.ts';
import { LocalDescriptor, systemCall, systemCommand } from './local-descriptor-node.ts';
import { localNameProblem, localPath, systemPath } from './local-path-node.ts';
import { openLocalTarget } from './local-target-node.ts';
import { partPath } from './part-name.ts';
import { localError, transferError } from './transfer-error.ts';
import { whileOpen } from './while-open.ts';
import type { LocalFiles } from './local-files.ts';
import type { MakeFolderOptions, SourceFile, TargetFile, TargetOptions } from './transfer-files.ts';

const { O_RDONLY } = constants;
const NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;
const NO_WAIT = (constants.O_NONBLOCK as number | undefined) ?? 0;
const FOLDER = (constants.O_DIRECTORY as number | undefined) ?? 0;
const DEFAULT_FOLDER_MODE = 0o777;
/** Entries of a folder that the system is asked about at a time. */
const SOME = 64;

/** The disks of this machine: what `get` and `put` work with on Node. */
export const localFiles: LocalFiles = {
  path: localPath,
  nameProblem: (name) => localNameProblem(name),
  list: entries,
  stat: (path) => stats(path, true).pipe(map(attributesOf)),
  lstat: (path) => stats(path, false).pipe(map(attributesOf)),
  realpath: (path) =>
    systemCall(path, (told: Told<Buffer>) => realpath(systemPath(path), 'buffer', told)).pipe(
      map((bytes) => fileName(bytes)),
    ),
  readlink: (path) =>
    systemCall(path, (told: Told<Buffer>) => readlink(systemPath(path), 'buffer', told)).pipe(
      map((bytes) => fileName(bytes)),
    ),
  makeFolder,
  makeLink: (target, path) => {
    const part = partPath(path, false);
    return concat(
      systemCommand(path, (told) => symlink(systemPath(target), systemPath(part), told)),
      systemCommand(path, (told) => rename(systemPath(part), systemPath(path), told)),
    );
  },
  setAttributes: (path, attributes, followSymlinks) =>
    whileOpen(opened(path, O_RDONLY | FOLDER | (followSymlinks ? 0 : NO_FOLLOW)), (file) =>
      file.setAttributes(attributes),
    ),
  openSource: (path, _attributes, followSymlinks): Observable<SourceFile> =>
    opened(path, O_RDONLY | NO_WAIT | (followSymlinks ? 0 : NO_FOLLOW)),
  openTarget: (path: FileName, options: TargetOptions): Observable<TargetFile> =>
    openLocalTarget(path, options),
};

function stats(path: FileName, followSymlinks: boolean): Observable<Stats> {
  const name = systemPath(path);
  const [now, elsewhere] = followSymlinks ? [statSync, stat] : [lstatSync, lstat];
  return systemCall(path, (told: Told<Stats>) =>
    quickly<Stats>(
      () => now(name),
      (later) => elsewhere(name, later),
      told,
      isOnLocalDisk(name),
    ),
  );
}

/**
 * The names of a folder are few beside what is transferred; their attributes are asked for as they are wanted, some ahead of
 * what is worked on.
 */
function entries(path: FileName): Observable<TreeChild> {
  return systemCall(path, (told: Told<Buffer[]>) =>
    readdir(systemPath(path), { encoding: 'buffer' }, told),
  ).pipe(mergeMap((names) => new Observable<TreeChild>((out) => emitEntries(path, names, out))));
}

function emitEntries(path: FileName, names: readonly Buffer[], out: Subscriber<TreeChild>): void {
  let next = 0;
  let outstanding = 0;
  let isAsking = false;
  const askNext = (): void => {
    if (isAsking || out.closed || outstanding > SOME || next === names.length) return;
    isAsking = true;
    const some = names.slice(next, next + SOME).map((bytes) => fileName(bytes));
    next += some.length;
    Promise.all(some.map((name) => entry(path, name))).then(emit, (error: unknown) =>
      out.error(error),
    );
  };
  const emit = (found: readonly (TreeChild | undefined)[]): void => {
    const some = found.filter((child) => child !== undefined);
    isAsking = false;
    const isLast = next === names.length;
    outstanding += some.length;
    askNext();
    for (const child of some) {
      if (out.closed) return;
      deliver(out, child, () => {
        outstanding--;
        askNext();
      });
    }
    if (isLast) out.complete();
  };
  if (names.length === 0) out.complete();
  askNext();
}

/** `undefined` when it was removed since its folder was read. */
async function entry(folder: FileName, name: FileName): Promise<TreeChild | undefined> {
  try {
    const told = await firstValueFrom(stats(joinPath(folder, name), false));
    return { name, attributes: attributesOf(told) };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function makeFolder(
  path: FileName,
  { mode = DEFAULT_FOLDER_MODE, followSymlinks = false }: MakeFolderOptions,
): Observable<never> {
  const make$ = systemCommand(path, (told) => mkdir(systemPath(path), mode, told));
  return make$.pipe(
    catchError((error: unknown) => {
      const isThere = isSshError(error, 'transfer') && errorCode(error.cause) === 'EEXIST';
      if (!isThere) return throwError(() => error);
      return stats(path, followSymlinks).pipe(
        mergeMap((told) => {
          if (told.isDirectory()) return EMPTY;
          throw transferError('type', path, 'is in the way, and no folder');
        }),
      );
    }),
  );
}

/** Opens a file. Emits it and stays open; unsubscribing closes it. */
function opened(path: FileName, flags: number): Observable<LocalDescriptor> {
  return new Observable((out) => {
    let file: LocalDescriptor | undefined;
    out.add(() => file?.release());
    const told: Told<number> = (error, fd) => {
      if (error !== null) {
        if (!out.closed) out.error(localError(error, path));
        return;
      }
      file = new LocalDescriptor(fd, path);
      if (out.closed) file.release();
      else out.next(file);
    };
    const name = systemPath(path);
    quickly(
      () => openSync(name, flags),
      (later) => open(name, flags, later),
      told,
      isOnLocalDisk(name),
    );
  });
}
