/** What kind of file the mode of a file tells of, and the line that `ls -l` has for it. */
import type { FileAttributes } from './attributes.ts';

/** Kinds of files. */
export type FileType =
  | 'file'
  | 'directory'
  | 'symbolic-link'
  | 'block-device'
  | 'character-device'
  | 'fifo'
  | 'socket'
  /** The server does not tell. */
  | 'unknown';

/** The bits of a POSIX mode that are the type. */
const TYPE_BITS = 0o170000;

/** Type bits and the letter of `ls -l` for each kind. */
const TYPES: readonly (readonly [FileType, number, string])[] = [
  ['file', 0o100000, '-'],
  ['directory', 0o040000, 'd'],
  ['symbolic-link', 0o120000, 'l'],
  ['block-device', 0o060000, 'b'],
  ['character-device', 0o020000, 'c'],
  ['fifo', 0o010000, 'p'],
  ['socket', 0o140000, 's'],
];

/** The kind of a file; `unknown` when the attributes do not tell. */
export function fileType({ permissions = 0 }: FileAttributes): FileType {
  return TYPES.find(([, bits]) => bits === (permissions & TYPE_BITS))?.[0] ?? 'unknown';
}

/** The type bits of a kind, for the `permissions` that a file system tells. */
export function typeBits(type: FileType): number {
  return TYPES.find(([name]) => name === type)?.[1] ?? 0;
}

/** Is it a directory? */
export function isDirectory(attributes: FileAttributes): boolean {
  return fileType(attributes) === 'directory';
}

/** Is it a regular file? */
export function isFile(attributes: FileAttributes): boolean {
  return fileType(attributes) === 'file';
}

/** Is it a symbolic link? Only `lstat` and listings tell. */
export function isSymbolicLink(attributes: FileAttributes): boolean {
  return fileType(attributes) === 'symbolic-link';
}

/** The mode as `ls -l` shows it: `drwxr-sr-x`. */
export function modeText({ permissions = 0 }: FileAttributes): string {
  const letter = TYPES.find(([, bits]) => bits === (permissions & TYPE_BITS))?.[2] ?? '?';
  const owner = rights(permissions >> 6, (permissions & 0o4000) !== 0, 's');
  const group = rights(permissions >> 3, (permissions & 0o2000) !== 0, 's');
  return letter + owner + group + rights(permissions, (permissions & 0o1000) !== 0, 't');
}

function rights(bits: number, isSpecial: boolean, special: string): string {
  const mayExecute = (bits & 1) !== 0;
  const last = isSpecial ? (mayExecute ? special : special.toUpperCase()) : mayExecute ? 'x' : '-';
  return ((bits & 4) === 0 ? '-' : 'r') + ((bits & 2) === 0 ? '-' : 'w') + last;
}

/** What a line of `ls -l` needs besides the attributes. */
export interface ListingLineOptions {
  /** Hard links; 1 by default. */
  readonly links?: number;
  /** Names of owner and group; their numbers by default. */
  readonly owner?: string;
  readonly group?: string;
  /** Milliseconds since 1970: files that changed in the half year before have a time in place of the year. Now by default. */
  readonly now?: number;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const HALF_A_YEAR = 182.5 * 24 * 60 * 60 * 1000;

/** The line of `ls -l` for a file (draft-ietf-secsh-filexfer-02 §7, `longname`), in local time. */
export function listingLine(
  name: string,
  attributes: FileAttributes,
  { links = 1, owner, group, now = Date.now() }: ListingLineOptions = {},
): string {
  const { size = 0, uid, gid, mtime = 0 } = attributes;
  const columns = [
    modeText(attributes),
    String(links).padStart(4),
    (owner ?? String(uid ?? '?')).padEnd(8),
    (group ?? String(gid ?? '?')).padEnd(8),
    String(size).padStart(8),
    timeText(mtime * 1000, now),
  ];
  return `${columns.join(' ')} ${name}`;
}

function timeText(milliseconds: number, now: number): string {
  const date = new Date(milliseconds);
  const day = `${MONTHS[date.getMonth()] ?? ''} ${String(date.getDate()).padStart(2)}`;
  const isRecent = milliseconds <= now && now - milliseconds < HALF_A_YEAR;
  if (!isRecent) return `${day}  ${String(date.getFullYear())}`;
  return `${day} ${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
