/** What a server makes of each request of version 3 (draft-ietf-secsh-filexfer-02 §6), as a table. */
import { map, type Observable, of } from 'rxjs';
import type { FileAttributes } from '../attributes.ts';
import { type FileName, fileName, type Path, pathBytes } from '../file-name.ts';
import type { OpenFlags, SftpFileSystem } from './file-system.ts';
import { fileOf, nth, type OperationContext } from './operation-context.ts';
import { OpenFlag, type PacketOf, type RequestPacket } from '../packets.ts';
import type { ByteRange } from './request-order.ts';
import { type Answer, done, first, given, safeNumber, status } from './server-answers.ts';
import type { OpenHandle } from './server-handles.ts';
import { openDirectory, openFile, readData, readNames } from './server-reads.ts';
import { StatusCode } from '../status.ts';

/** How one kind of request is served. */
export interface Operation<P> {
  /** For whoever is asked for permission: `open`, `rename`, … */
  readonly name: string;
  /** Does it change anything? */
  readonly changes?: (request: P) => boolean;
  /** Does it need no permission of its own? Whoever may open a file may read it. */
  readonly isCovered?: boolean;
  /** What a file system must have for it to be done. */
  readonly needs?: keyof SftpFileSystem;
  /** The paths in a request. */
  readonly paths?: (request: P) => readonly Uint8Array[];
  /** The handles in a request. */
  readonly handles?: (request: P) => readonly Uint8Array[];
  /** The bytes of its file that it writes. */
  readonly range?: (request: P, opened: OpenHandle | undefined) => ByteRange | undefined;
  /** Does it; whole packets are sent as they are. */
  readonly run: (request: P, context: OperationContext) => Observable<Answer | Uint8Array>;
}

/** Requests that the table serves. */
export type TableRequest = Exclude<RequestPacket, { type: 'INIT' | 'EXTENDED' }>;

const always = (): boolean => true;
const ofPath = ({ path }: { readonly path: Uint8Array }): readonly Uint8Array[] => [path];
const ofHandle = ({ handle }: { readonly handle: Uint8Array }): readonly Uint8Array[] => [handle];

/** By type of packet. */
export const OPERATIONS: { readonly [T in TableRequest['type']]: Operation<PacketOf<T>> } = {
  OPEN: {
    name: 'open',
    changes: ({ flags }) => (flags & ~OpenFlag.READ) !== 0,
    paths: ofPath,
    run: ({ flags, attributes }, context) => openFile(openFlags(flags), attributes, context),
  },
  CLOSE: {
    name: 'close',
    isCovered: true,
    handles: ofHandle,
    run: ({ handle }, { handles }) => closeHandle(handles.take(handle)),
  },
  READ: {
    name: 'read',
    isCovered: true,
    handles: ofHandle,
    run: ({ offset, length }, { id, opened, ahead }) =>
      readData(id, fileOf(opened[0]), safeNumber(offset), length, ahead),
  },
  WRITE: {
    name: 'write',
    changes: always,
    isCovered: true,
    handles: ofHandle,
    range: ({ offset, data }, opened) => {
      if (opened?.type !== 'file' || opened.isAppending) return undefined;
      const start = Number(offset);
      return opened.file.takesParallelWrites === true
        ? { start, end: start + data.length }
        : undefined;
    },
    run: ({ offset, data }, { opened }) => {
      const position = isAppending(opened[0]) ? 0 : safeNumber(offset);
      return done(() => fileOf(opened[0]).write(data, position));
    },
  },
  STAT: {
    name: 'stat',
    paths: ofPath,
    run: (_, { fileSystem, paths }) => attrs(() => fileSystem.stat(nth(paths, 0))),
  },
  LSTAT: {
    name: 'lstat',
    paths: ofPath,
    run: (_, { fileSystem, paths }) =>
      attrs(() => (fileSystem.lstat ?? fileSystem.stat).call(fileSystem, nth(paths, 0))),
  },
  FSTAT: {
    name: 'fstat',
    isCovered: true,
    handles: ofHandle,
    run: (_, { opened }) => attrs(() => fileOf(opened[0]).stat()),
  },
  SETSTAT: {
    name: 'setstat',
    changes: always,
    needs: 'setstat',
    paths: ofPath,
    run: ({ attributes }, { fileSystem, paths }) =>
      done(() => given(fileSystem.setstat?.(nth(paths, 0), attributes))),
  },
  FSETSTAT: {
    name: 'fsetstat',
    changes: always,
    handles: ofHandle,
    run: ({ attributes }, { opened }) => done(() => fileOf(opened[0]).setstat(attributes)),
  },
  OPENDIR: {
    name: 'opendir',
    needs: 'opendir',
    paths: ofPath,
    run: (_, context) => openDirectory(context),
  },
  READDIR: {
    name: 'readdir',
    isCovered: true,
    handles: ofHandle,
    run: (_, { opened }) => readNames(opened[0]),
  },
  REMOVE: {
    name: 'remove',
    changes: always,
    needs: 'remove',
    paths: ofPath,
    run: (_, { fileSystem, paths }) => done(() => given(fileSystem.remove?.(nth(paths, 0)))),
  },
  MKDIR: {
    name: 'mkdir',
    changes: always,
    needs: 'mkdir',
    paths: ofPath,
    run: ({ attributes }, { fileSystem, paths }) =>
      done(() => given(fileSystem.mkdir?.(nth(paths, 0), attributes))),
  },
  RMDIR: {
    name: 'rmdir',
    changes: always,
    needs: 'rmdir',
    paths: ofPath,
    run: (_, { fileSystem, paths }) => done(() => given(fileSystem.rmdir?.(nth(paths, 0)))),
  },
  REALPATH: {
    name: 'realpath',
    paths: ofPath,
    run: (_, { fileSystem, paths }) => realPath(fileSystem, nth(paths, 0)),
  },
  RENAME: {
    name: 'rename',
    changes: always,
    needs: 'rename',
    paths: ({ oldPath, newPath }) => [oldPath, newPath],
    run: (_, { fileSystem, paths }) =>
      done(() => given(fileSystem.rename?.(nth(paths, 0), nth(paths, 1)))),
  },
  READLINK: {
    name: 'readlink',
    needs: 'readlink',
    paths: ofPath,
    run: (_, { fileSystem, paths }) =>
      first<Path>(() => given(fileSystem.readlink?.(nth(paths, 0)))).pipe(map(nameAnswer)),
  },
  SYMLINK: {
    name: 'symlink',
    changes: always,
    needs: 'symlink',
    paths: ({ link }) => [link],
    run: ({ target }, { fileSystem, paths }) =>
      done(() => given(fileSystem.symlink?.(fileName(pathBytes(target)), nth(paths, 0)))),
  },
};

/** A NAME with a single path. */
export function nameAnswer(path: Path): Answer {
  const filename = pathBytes(path);
  return { type: 'NAME', names: [{ filename, longname: filename, attributes: {} }] };
}

/** REALPATH of a virtual path. */
export function realPath(fileSystem: SftpFileSystem, path: FileName): Observable<Answer> {
  return first<Path>(() => fileSystem.realpath?.(path) ?? of(path)).pipe(map(nameAnswer));
}

/** Closes what a handle stood for. */
export function closeHandle(opened: OpenHandle | undefined): Observable<Answer> {
  if (opened?.type === 'file') return done(() => opened.file.close());
  opened?.directory.close();
  return of(status(StatusCode.OK));
}

function isAppending(opened: OpenHandle | undefined): boolean {
  return opened?.type === 'file' && opened.isAppending;
}

function attrs(ask: Parameters<typeof first<FileAttributes>>[0]): Observable<Answer> {
  return first(ask).pipe(map((attributes) => ({ type: 'ATTRS', attributes })));
}

/** What the bits of OPEN say (§6.3); APPEND means writing. */
function openFlags(flags: number): OpenFlags {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const append = has(OpenFlag.APPEND);
  return {
    read: has(OpenFlag.READ),
    write: has(OpenFlag.WRITE) || append,
    append,
    create: has(OpenFlag.CREAT),
    truncate: has(OpenFlag.TRUNC),
    exclusive: has(OpenFlag.EXCL),
  };
}
