/** The extensions of SFTP that are spoken here, as tables: OpenSSH's (its PROTOCOL, section 4) and two of IETF drafts. */
import {
  type Field,
  type Fields,
  many,
  string,
  type StructOf,
  text,
  uint32,
  uint64,
} from '../wire/fields.ts';
import { Reader } from '../wire/reader.ts';
import { struct, type Struct } from '../wire/struct.ts';
import { Writer } from '../wire/writer.ts';
import { attributes } from './attributes.ts';

/** An extended request. */
export interface Extension<Q extends Fields = Fields, R extends Fields = Fields> {
  /** What EXTENDED calls it. */
  readonly name: string;
  /** What VERSION says of it when it works as it does here. */
  readonly version: string;
  /** What follows the name in EXTENDED. */
  readonly request: Struct<Q>;
  /** What EXTENDED_REPLY has; without it the answer is the packet of `answer`. */
  readonly reply?: Struct<R>;
  /** The packet that answers when nothing goes wrong. */
  readonly answer: 'STATUS' | 'NAME' | 'EXTENDED_REPLY';
}

function extension<Q extends Fields>(
  name: string,
  answer: 'STATUS' | 'NAME',
  request: Q,
): Extension<Q> {
  return { name, version: '1', request: struct(name, request), answer };
}

function replying<Q extends Fields, R extends Fields>(
  name: string,
  version: string,
  request: Q,
  reply: R,
): Extension<Q, R> & { readonly reply: Struct<R> } {
  const answer = 'EXTENDED_REPLY';
  return { name, version, request: struct(name, request), reply: struct(name, reply), answer };
}

/** A string in which structures stand one behind the other. */
function packed<S extends Fields>(item: S, limit: number): Field<readonly StructOf<S>[]> {
  const content = many(item, limit);
  return {
    ...content,
    read: (reader) => content.read(new Reader(reader.string(), 'list in a string')),
    write: (writer, items) => {
      const inner = new Writer();
      content.write(inner, items);
      writer.string(inner.view());
    },
  };
}

/** RENAME that replaces what is there. */
export const posixRename = extension('posix-rename@openssh.com', 'STATUS', {
  oldPath: string,
  newPath: string,
});

/** What a file system has and has left, in the words of statvfs(3). */
export interface StatvfsReply {
  /** Preferred size of a block, in bytes. */
  readonly blockSize: bigint;
  /** The unit of the three that follow, in bytes. */
  readonly fragmentSize: bigint;
  readonly blocks: bigint;
  readonly blocksFree: bigint;
  /** Free for those who are not root. */
  readonly blocksAvailable: bigint;
  readonly files: bigint;
  readonly filesFree: bigint;
  /** Free for those who are not root. */
  readonly filesAvailable: bigint;
  readonly fileSystemId: bigint;
  /** 1: read-only; 2: programs do not run as their owners (OpenSSH PROTOCOL 4.4). */
  readonly flags: bigint;
  /** Longest name, in bytes. */
  readonly nameMax: bigint;
}

const statvfsFields = {
  blockSize: uint64,
  fragmentSize: uint64,
  blocks: uint64,
  blocksFree: uint64,
  blocksAvailable: uint64,
  files: uint64,
  filesFree: uint64,
  filesAvailable: uint64,
  fileSystemId: uint64,
  flags: uint64,
  nameMax: uint64,
};

/** The file system that a path is on. */
export const statvfs = replying('statvfs@openssh.com', '2', { path: string }, statvfsFields);

/** The file system that an open file is on. */
export const fstatvfs = replying('fstatvfs@openssh.com', '2', { handle: string }, statvfsFields);

/** link(2). */
export const hardlink = extension('hardlink@openssh.com', 'STATUS', {
  oldPath: string,
  newPath: string,
});

/** fsync(2). */
export const fsync = extension('fsync@openssh.com', 'STATUS', { handle: string });

/** SETSTAT that does not follow a symbolic link. */
export const lsetstat = extension('lsetstat@openssh.com', 'STATUS', { path: string, attributes });

/** How much the server takes; 0 where it says nothing. */
export const limits = replying(
  'limits@openssh.com',
  '1',
  {},
  {
    maxPacketLength: uint64,
    maxReadLength: uint64,
    maxWriteLength: uint64,
    maxOpenHandles: uint64,
  },
);

/** REALPATH that also knows `~` and `~user`. */
export const expandPath = extension('expand-path@openssh.com', 'NAME', { path: string });

/** Copies within the server (draft-ietf-secsh-filexfer-extensions-00 §7); a length of 0 is up to the end. */
export const copyData = extension('copy-data', 'STATUS', {
  readHandle: string,
  readOffset: uint64,
  readLength: uint64,
  writeHandle: string,
  writeOffset: uint64,
});

/** The home directory of a user (draft-ietf-secsh-filexfer-extensions-00 §5); an empty name is one's own. */
export const homeDirectory = extension('home-directory', 'NAME', { username: string });

const MOST_IDS = 16 * 1024;

/** Names of users and groups by their numbers; empty where there is none. */
export const usersGroupsById = replying(
  'users-groups-by-id@openssh.com',
  '1',
  { uids: packed({ id: uint32 }, MOST_IDS), gids: packed({ id: uint32 }, MOST_IDS) },
  { users: packed({ name: text }, MOST_IDS), groups: packed({ name: text }, MOST_IDS) },
);

/** All of them. */
export const EXTENSIONS: readonly Extension[] = [
  posixRename,
  statvfs,
  fstatvfs,
  hardlink,
  fsync,
  lsetstat,
  limits,
  expandPath,
  copyData,
  homeDirectory,
  usersGroupsById,
];
