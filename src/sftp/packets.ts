/**
 * The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), as tables with a number space of their own. READ, WRITE and
 * DATA, of which there is one for each block of a file, also have a path by hand, equal to their rows.
 */
import { readUint32, writeUint32 } from '../wire/bytes.ts';
import {
  type Field,
  list,
  many,
  optional,
  rest,
  string,
  text,
  uint32,
  uint64,
  utf8,
} from '../wire/fields.ts';
import {
  type AnyMessage,
  message,
  type MessageOf,
  type MessageRow,
  type MessageTable,
  messageTable,
  readMessage,
  writeMessage,
} from '../wire/message.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import { attributes, LEAST_ATTRIBUTES } from './attributes.ts';

/** The version that is spoken here. */
export const SFTP_VERSION = 3;
/** Largest packet that is taken, without its length: OpenSSH's 256 KiB, and room for the fields around the data. */
export const LARGEST_PACKET = 257 * 1024;
/** Most bytes that one READ or WRITE carries, as with OpenSSH: 255 KiB. */
export const LARGEST_DATA = 255 * 1024;

const MOST_EXTENSIONS = 256;
const MOST_NAMES = 32 * 1024;
/** Two empty strings, and attributes that say nothing. */
const LEAST_NAME = 8 + LEAST_ATTRIBUTES;

/** An extension that one side offers: its name, and what it says of it, which usually is a version. */
const EXTENSIONS = many({ name: text, data: string }, MOST_EXTENSIONS);

/** Flags of OPEN (§6.3). */
export const OpenFlag = {
  READ: 0x01,
  WRITE: 0x02,
  APPEND: 0x04,
  CREAT: 0x08,
  TRUNC: 0x10,
  EXCL: 0x20,
} as const;

const INIT = message(1, 'INIT', { version: uint32, extensions: EXTENSIONS });
const VERSION = message(2, 'VERSION', { version: uint32, extensions: EXTENSIONS });
const OPEN = message(3, 'OPEN', { id: uint32, path: string, flags: uint32, attributes });
const CLOSE = message(4, 'CLOSE', { id: uint32, handle: string });
const READ = message(5, 'READ', { id: uint32, handle: string, offset: uint64, length: uint32 });
const WRITE = message(6, 'WRITE', { id: uint32, handle: string, offset: uint64, data: string });
const LSTAT = message(7, 'LSTAT', { id: uint32, path: string });
const FSTAT = message(8, 'FSTAT', { id: uint32, handle: string });
const SETSTAT = message(9, 'SETSTAT', { id: uint32, path: string, attributes });
const FSETSTAT = message(10, 'FSETSTAT', { id: uint32, handle: string, attributes });
const OPENDIR = message(11, 'OPENDIR', { id: uint32, path: string });
const READDIR = message(12, 'READDIR', { id: uint32, handle: string });
const REMOVE = message(13, 'REMOVE', { id: uint32, path: string });
const MKDIR = message(14, 'MKDIR', { id: uint32, path: string, attributes });
const RMDIR = message(15, 'RMDIR', { id: uint32, path: string });
const REALPATH = message(16, 'REALPATH', { id: uint32, path: string });
const STAT = message(17, 'STAT', { id: uint32, path: string });
const RENAME = message(18, 'RENAME', { id: uint32, oldPath: string, newPath: string });
const READLINK = message(19, 'READLINK', { id: uint32, path: string });
/** In OpenSSH's order, which everybody follows: the draft has the two the other way round (OpenSSH PROTOCOL 4.1). */
const SYMLINK = message(20, 'SYMLINK', { id: uint32, target: string, link: string });
const EXTENDED = message(200, 'EXTENDED', { id: uint32, request: utf8, data: rest });

/** Longest handle (§6.2). */
const LONGEST_HANDLE = 256;

/** A handle that a server gives. One that a client names may be anything: there is none like it. */
const newHandle: Field<Uint8Array> = {
  ...string,
  read: (reader) => {
    const handle = reader.string();
    if (handle.length <= LONGEST_HANDLE) return handle;
    throw reader.error(`handle of ${String(handle.length)} bytes`);
  },
};

/** Version 2 and older have neither text nor language, and some servers of version 3 leave them out. */
const STATUS = message(101, 'STATUS', {
  id: uint32,
  code: uint32,
  message: optional(text, ''),
  language: optional(text, ''),
});
const HANDLE = message(102, 'HANDLE', { id: uint32, handle: newHandle });
const DATA = message(103, 'DATA', { id: uint32, data: string });
const NAME = message(104, 'NAME', {
  id: uint32,
  names: list({ filename: string, longname: string, attributes }, LEAST_NAME, MOST_NAMES),
});
const ATTRS = message(105, 'ATTRS', { id: uint32, attributes });
const EXTENDED_REPLY = message(201, 'EXTENDED_REPLY', { id: uint32, data: rest });

/** What a client sends. */
export const REQUEST_PACKETS = [
  ...[INIT, OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT, OPENDIR, READDIR, REMOVE],
  ...[MKDIR, RMDIR, REALPATH, STAT, RENAME, READLINK, SYMLINK, EXTENDED],
] as const;

/** What a server sends. */
export const REPLY_PACKETS = [
  ...[VERSION, STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY],
] as const;

/** A packet of a client. */
export type RequestPacket = MessageOf<(typeof REQUEST_PACKETS)[number]>;
/** A packet of a server. */
export type ReplyPacket = MessageOf<(typeof REPLY_PACKETS)[number]>;
/** Any packet. */
export type SftpPacket = RequestPacket | ReplyPacket;
/** The packet of a type: `PacketOf<'OPEN'>`. */
export type PacketOf<T extends SftpPacket['type']> = Extract<SftpPacket, { type: T }>;

/** A file of a NAME. */
export type NameItem = PacketOf<'NAME'>['names'][number];

const requests = messageTable(REQUEST_PACKETS);
const replies = messageTable(REPLY_PACKETS);
const rows: ReadonlyMap<string, MessageRow> = new Map(
  [...REQUEST_PACKETS, ...REPLY_PACKETS].map((row) => [row.type, row]),
);

/**
 * Reads a client's packet; `undefined` for a type that there is none of. Throws `protocol` for a malformed one.
 *
 * @param packet - type and fields, without the length; views of it stay in the value
 */
export function readRequest(packet: Uint8Array): RequestPacket | undefined {
  if (packet[0] === WRITE.number) return readWrite(packet);
  return readBy(requests, packet) as RequestPacket | undefined;
}

/** Reads a server's packet; see {@link readRequest}. */
export function readReply(packet: Uint8Array): ReplyPacket | undefined {
  if (packet[0] === DATA.number) return readData(packet);
  return readBy(replies, packet) as ReplyPacket | undefined;
}

function readBy(table: MessageTable, packet: Uint8Array): AnyMessage | undefined {
  const row = table[packet[0] ?? 0];
  return row === undefined ? undefined : readMessage(row, packet);
}

/** WRITE by hand. Some clients send the rest of their buffer behind a short piece (rclone 1.60): it is passed over. */
function readWrite(packet: Uint8Array): PacketOf<'WRITE'> {
  const reader = new Reader(packet, 'WRITE');
  reader.byte();
  const id = reader.uint32();
  const handle = reader.string();
  const offset = reader.uint64();
  const data = reader.string();
  return { type: 'WRITE', id, handle, offset, data };
}

/** DATA by hand. */
function readData(packet: Uint8Array): PacketOf<'DATA'> {
  const reader = new Reader(packet, 'DATA');
  reader.byte();
  const id = reader.uint32();
  const data = reader.string();
  reader.end();
  return { type: 'DATA', id, data };
}

/** Bytes of the length in front of each packet. */
export const LENGTH_BYTES = 4;

/** The whole of a packet, with its length in front. */
export function encodePacket(packet: SftpPacket): Uint8Array {
  const row = rows.get(packet.type);
  if (row === undefined) throw new TypeError(`no SFTP packet is called ${packet.type}`);
  const writer = new Writer(128, LENGTH_BYTES);
  writeMessage(row, writer, packet);
  const whole = writer.framed(0);
  writeUint32(whole, 0, writer.length);
  return whole;
}

/** READ by hand, whole. */
export function encodeRead(
  id: number,
  handle: Uint8Array,
  offset: number,
  length: number,
): Uint8Array {
  const packet = new Uint8Array(LENGTH_BYTES + 21 + handle.length);
  const at = putHandle(packet, READ.number, packet.length, id, handle);
  putOffset(packet, at, offset);
  writeUint32(packet, at + 8, length);
  return packet;
}

/** Bytes in front of the data of a WRITE. */
export function writeHeadLength(handle: Uint8Array): number {
  return LENGTH_BYTES + 21 + handle.length;
}

/**
 * Puts everything of a WRITE but its data at the beginning of `packet`, where {@link writeHeadLength} bytes are free for it.
 *
 * @param length - bytes of data behind it
 */
export function putWriteHead(
  packet: Uint8Array,
  id: number,
  handle: Uint8Array,
  offset: number,
  length: number,
): void {
  const at = putHandle(packet, WRITE.number, writeHeadLength(handle) + length, id, handle);
  putOffset(packet, at, offset);
  writeUint32(packet, at + 8, length);
}

/** Bytes in front of the data of a DATA, the packet's length among them. */
export const DATA_HEAD = LENGTH_BYTES + 9;

/** The id and the length of the data of a DATA that begins here; `undefined` when it is something else, or malformed. */
export function dataOf(
  beginning: Uint8Array,
): { readonly id: number; readonly length: number } | undefined {
  if (beginning.length < DATA_HEAD || beginning[LENGTH_BYTES] !== DATA.number) return undefined;
  const length = readUint32(beginning, LENGTH_BYTES + 5);
  if (LENGTH_BYTES + readUint32(beginning, 0) !== DATA_HEAD + length) return undefined;
  return { id: readUint32(beginning, LENGTH_BYTES + 1), length };
}

/** Everything of a DATA but its data, of which `length` bytes follow. */
export function dataHead(id: number, length: number): Uint8Array {
  const head = new Uint8Array(DATA_HEAD);
  writeUint32(head, 0, 9 + length);
  head[4] = DATA.number;
  writeUint32(head, 5, id);
  writeUint32(head, 9, length);
  return head;
}

/** Length, type, id and handle; gives the place behind them. */
function putHandle(
  packet: Uint8Array,
  type: number,
  length: number,
  id: number,
  handle: Uint8Array,
): number {
  writeUint32(packet, 0, length - LENGTH_BYTES);
  packet[4] = type;
  writeUint32(packet, 5, id);
  writeUint32(packet, 9, handle.length);
  packet.set(handle, 13);
  return 13 + handle.length;
}

function putOffset(packet: Uint8Array, at: number, offset: number): void {
  writeUint32(packet, at, Math.floor(offset / 0x1_0000_0000));
  writeUint32(packet, at + 4, offset % 0x1_0000_0000);
}
