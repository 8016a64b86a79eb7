/** What SFTP says of a file (draft-ietf-secsh-filexfer-02 §5). */
import { SshError } from '../errors.ts';
import { type Field, readFields, string, text, writeFields } from '../wire/fields.ts';
import type { Reader } from '../wire/reader.ts';
import type { Writer } from '../wire/writer.ts';

/** An attribute that version 3 does not know, named like an extension. */
export interface ExtendedAttribute {
  /** `name@domain`. */
  readonly type: string;
  readonly data: Uint8Array;
}

/**
 * Attributes of a file: those that a server tells, or those that it shall set. What is left out is not known, or stays as it is.
 */
export interface FileAttributes {
  /**
   * Bytes. A size past 2⁵³−1 is the nearest number to it, as in Node's `fs.Stats`; it is there to be shown, and nothing in
   * rxssh relies on it.
   */
  readonly size?: number;
  /** Number of the owner; goes with `gid`. */
  readonly uid?: number;
  /** Number of the group; goes with `uid`. */
  readonly gid?: number;
  /** POSIX mode: permissions, and the type of the file where a server tells it. */
  readonly permissions?: number;
  /** Seconds since 1970 of the last access; goes with `mtime`. */
  readonly atime?: number;
  /** Seconds since 1970 of the last change; goes with `atime`. */
  readonly mtime?: number;
  readonly extended?: readonly ExtendedAttribute[];
}

/** Bits that say which attributes follow. */
const HAS_SIZE = 0x1;
const HAS_UIDGID = 0x2;
const HAS_PERMISSIONS = 0x4;
const HAS_ACMODTIME = 0x8;
const HAS_EXTENDED = 0x8000_0000;

/** The fewest bytes that attributes take on the wire. */
export const LEAST_ATTRIBUTES = 4;

/** The largest number below 2⁶⁴. */
const LARGEST_SIZE = 2 ** 64 - 2048;
const MOST_EXTENDED = 256;
const EXTENDED = { type: text, data: string };
const LEAST_EXTENDED = 8;

/** The ATTRS structure as a field. Bits of later versions are passed over. */
export const attributes: Field<FileAttributes> = {
  kind: 'attributes',
  read: readAttributes,
  write: writeAttributes,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function readAttributes(reader: Reader): FileAttributes {
  const flags = reader.uint32();
  const read: Mutable<FileAttributes> = {};
  if ((flags & HAS_SIZE) !== 0) read.size = reader.uint32() * 0x1_0000_0000 + reader.uint32();
  if ((flags & HAS_UIDGID) !== 0) {
    read.uid = reader.uint32();
    read.gid = reader.uint32();
  }
  if ((flags & HAS_PERMISSIONS) !== 0) read.permissions = reader.uint32();
  if ((flags & HAS_ACMODTIME) !== 0) {
    read.atime = reader.uint32();
    read.mtime = reader.uint32();
  }
  if ((flags & HAS_EXTENDED) !== 0) read.extended = readExtended(reader);
  return read;
}

function readExtended(reader: Reader): ExtendedAttribute[] {
  const count = reader.count(LEAST_EXTENDED);
  if (count > MOST_EXTENDED)
    throw reader.error(`${String(count)} extended attributes, at most ${String(MOST_EXTENDED)}`);
  const extended: ExtendedAttribute[] = [];
  for (let i = 0; i < count; i++) extended.push(readFields(EXTENDED, reader));
  return extended;
}

function writeAttributes(writer: Writer, value: FileAttributes): void {
  const { size, permissions, extended } = value;
  const owner = pair('uid', value.uid, 'gid', value.gid);
  const times = pair('atime', value.atime, 'mtime', value.mtime);
  writer.uint32(
    (size === undefined ? 0 : HAS_SIZE) |
      (owner === undefined ? 0 : HAS_UIDGID) |
      (permissions === undefined ? 0 : HAS_PERMISSIONS) |
      (times === undefined ? 0 : HAS_ACMODTIME) |
      (extended === undefined ? 0 : HAS_EXTENDED),
  );
  if (size !== undefined) writer.uint64(BigInt(whole('size', size, LARGEST_SIZE)));
  if (owner !== undefined) writer.uint32(owner[0]).uint32(owner[1]);
  if (permissions !== undefined) writer.uint32(whole('permissions', permissions));
  if (times !== undefined) writer.uint32(times[0]).uint32(times[1]);
  if (extended === undefined) return;
  writer.uint32(extended.length);
  for (const each of extended) writeFields(EXTENDED, writer, each);
}

/** Two attributes that the wire has only together. */
function pair(
  firstName: string,
  first: number | undefined,
  secondName: string,
  second: number | undefined,
): readonly [number, number] | undefined {
  if (first === undefined && second === undefined) return undefined;
  if (first === undefined || second === undefined) {
    const message = `attributes: ${firstName} and ${secondName} go together`;
    throw new SshError('config', message, { option: first === undefined ? firstName : secondName });
  }
  return [whole(firstName, first), whole(secondName, second)];
}

function whole(option: string, value: number, most = 0xffff_ffff): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new SshError('config', `attributes: ${option} cannot be ${String(value)}`, { option });
}
