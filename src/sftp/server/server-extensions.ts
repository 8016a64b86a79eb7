/** What a server makes of extended requests (OpenSSH PROTOCOL 4; draft-ietf-secsh-filexfer-extensions-00), as a table. */
import { type Observable, of, switchMap, map } from 'rxjs';
import { concatBytes, equalBytes, utf8Text } from '../../wire/bytes.ts';
import type { Fields, StructOf } from '../../wire/fields.ts';
import { copyData } from './copy-data.ts';
import {
  copyData as copyDataRow,
  expandPath,
  type Extension,
  type StatvfsReply,
  fstatvfs,
  fsync,
  hardlink,
  homeDirectory,
  limits,
  lsetstat,
  posixRename,
  statvfs,
  usersGroupsById,
} from '../extensions.ts';
import { fileName, type Path, pathBytes } from '../file-name.ts';
import type { SftpFileSystem } from './file-system.ts';
import { fileOf, nth, type OperationContext } from './operation-context.ts';
import { LARGEST_DATA } from '../packets.ts';
import { type Answer, done, first, given, safeNumber } from './server-answers.ts';
import { nameAnswer, type Operation, realPath } from './server-operations.ts';
import { statusError, StatusCode } from '../status.ts';
import { virtualPath } from './virtual-path.ts';

/** One extension, and how it is served. */
export interface ServedExtension extends Operation<never> {
  readonly extension: Extension;
}

function serve<Q extends Fields, R extends Fields>(
  extension: Extension<Q, R>,
  operation: Operation<StructOf<Q>>,
): ServedExtension {
  // what it is called with is what its own row has read
  return { ...(operation as unknown as Operation<never>), extension };
}

const always = (): boolean => true;
const ofHandle = ({ handle }: { readonly handle: Uint8Array }): readonly Uint8Array[] => [handle];
const ofPath = ({ path }: { readonly path: Uint8Array }): readonly Uint8Array[] => [path];
const ofTwoPaths = ({ oldPath, newPath }: TwoPaths): readonly Uint8Array[] => [oldPath, newPath];

interface TwoPaths {
  readonly oldPath: Uint8Array;
  readonly newPath: Uint8Array;
}

/** Bytes of a packet that OpenSSH's clients reckon with. */
const PACKET_LIMIT = 256n * 1024n;

/** In the order in which they are advertised. */
export const SERVED_EXTENSIONS: readonly ServedExtension[] = [
  serve(posixRename, {
    name: 'posix-rename',
    changes: always,
    needs: 'posixRename',
    paths: ofTwoPaths,
    run: (_, { fileSystem, paths }) =>
      done(() => given(fileSystem.posixRename?.(nth(paths, 0), nth(paths, 1)))),
  }),
  serve(statvfs, {
    name: 'statvfs',
    needs: 'statvfs',
    paths: ofPath,
    run: (_, { fileSystem, paths }) => statistics(fileSystem, nth(paths, 0)),
  }),
  serve(fstatvfs, {
    name: 'statvfs',
    needs: 'statvfs',
    handles: ofHandle,
    run: (_, { fileSystem, opened }) => {
      const path = opened[0]?.path;
      return statistics(fileSystem, given(path));
    },
  }),
  serve(hardlink, {
    name: 'hardlink',
    changes: always,
    needs: 'hardlink',
    paths: ofTwoPaths,
    run: (_, { fileSystem, paths }) =>
      done(() => given(fileSystem.hardlink?.(nth(paths, 0), nth(paths, 1)))),
  }),
  serve(fsync, {
    name: 'fsync',
    isCovered: true,
    needs: 'fsync',
    handles: ofHandle,
    run: (_, { opened }) => done(() => given(fileOf(opened[0]).fsync?.())),
  }),
  serve(lsetstat, {
    name: 'lsetstat',
    changes: always,
    needs: 'lsetstat',
    paths: ofPath,
    run: ({ attributes }, { fileSystem, paths }) =>
      done(() => given(fileSystem.lsetstat?.(nth(paths, 0), attributes))),
  }),
  serve(limits, {
    name: 'limits',
    isCovered: true,
    run: (_, { handles }) =>
      of(
        reply(
          limits.reply.encode({
            maxPacketLength: PACKET_LIMIT,
            maxReadLength: BigInt(LARGEST_DATA),
            maxWriteLength: BigInt(LARGEST_DATA),
            maxOpenHandles: BigInt(handles.limit),
          }),
        ),
      ),
  }),
  serve(expandPath, {
    name: 'expand-path',
    needs: 'homeDirectory',
    run: ({ path }, context) => expand(path, context),
  }),
  serve(copyDataRow, {
    name: 'copy-data',
    changes: always,
    handles: ({ readHandle, writeHandle }) => [readHandle, writeHandle],
    run: (request, context) => copy(request, context),
  }),
  serve(homeDirectory, {
    name: 'home-directory',
    needs: 'homeDirectory',
    run: ({ username }, { fileSystem }) =>
      homeOf(fileSystem, utf8Text(username)).pipe(map(nameAnswer)),
  }),
  serve(usersGroupsById, {
    name: 'users-groups-by-id',
    isCovered: true,
    needs: 'usersGroupsById',
    run: ({ uids, gids }, { fileSystem }) =>
      first(() => given(fileSystem.usersGroupsById?.(uids.map(idOf), gids.map(idOf)))).pipe(
        map(({ users, groups }) =>
          reply(
            usersGroupsById.reply.encode({
              users: users.map((name) => ({ name })),
              groups: groups.map((name) => ({ name })),
            }),
          ),
        ),
      ),
  }),
];

/** By name. */
export const EXTENSION_OPERATIONS: ReadonlyMap<string, ServedExtension> = new Map(
  SERVED_EXTENSIONS.map((served) => [served.extension.name, served]),
);

function reply(data: Uint8Array): Answer {
  return { type: 'EXTENDED_REPLY', data };
}

function idOf({ id }: { readonly id: number }): number {
  return id;
}

function statistics(fileSystem: SftpFileSystem, path: Path): Observable<Answer> {
  const name = fileName(pathBytes(path));
  return first<StatvfsReply>(() => given(fileSystem.statvfs?.(name))).pipe(
    map((values) => reply(statvfs.reply.encode(values))),
  );
}

function homeOf(fileSystem: SftpFileSystem, user: string): Observable<Path> {
  return first<Path>(() => given(fileSystem.homeDirectory?.(user)));
}

const TILDE = 0x7e;
const SLASH = 0x2f;

/** `~` and `~user` in front of a path, as a shell knows them. */
function expand(
  path: Uint8Array,
  { fileSystem, startFolder }: OperationContext,
): Observable<Answer> {
  const resolve = (expanded: Path, folder?: Uint8Array): Observable<Answer> =>
    realPath(fileSystem, fileName(virtualPath(pathBytes(expanded), folder)));
  if (path[0] !== TILDE) return resolve(path, startFolder);
  const slash = path.indexOf(SLASH);
  const end = slash < 0 ? path.length : slash;
  const rest = path.subarray(end);
  return homeOf(fileSystem, utf8Text(path.subarray(1, end))).pipe(
    switchMap((home) => resolve(concatBytes([pathBytes(home), rest]))),
  );
}

function copy(
  request: StructOf<(typeof copyDataRow)['request']['fields']>,
  { opened: [from, to] }: OperationContext,
): Observable<Answer> {
  const source = fileOf(from);
  const target = fileOf(to);
  // a file that is read while it is written to has no defined content
  if (
    source === target ||
    (from !== undefined && to !== undefined && equalBytes(from.path.bytes, to.path.bytes))
  )
    throw statusError(StatusCode.FAILURE, 'copy', { message: 'Same file' });
  const position = safeNumber(request.readOffset);
  const toPosition = safeNumber(request.writeOffset);
  const length = safeNumber(request.readLength);
  return done(() =>
    copyData({ file: source, position }, length, { file: target, position: toPosition }),
  );
}
