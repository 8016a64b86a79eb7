/** The files of `memoryFileSystem`: nodes, and how paths lead to them. */
import { binaryText } from '../../wire/bytes.ts';
import type { FileAttributes } from '../attributes.ts';
import { typeBits } from '../file-type.ts';
import { type SparseBytes } from './sparse-bytes.ts';
import { statusError, StatusCode } from '../status.ts';
import { partsOf } from '../server/virtual-path.ts';

/** What can stand in a folder. */
export type MemoryNode = MemoryFile | MemoryFolder | MemoryLink;

interface NodeFacts {
  permissions: number;
  uid: number;
  gid: number;
  atime: number;
  mtime: number;
}

/** A file; several names may lead to it. */
export interface MemoryFile extends NodeFacts {
  readonly type: 'file';
  readonly content: SparseBytes;
  /** Names that lead to it. */
  links: number;
  /** Handles that are open. */
  handles: number;
}

/** A folder. */
export interface MemoryFolder extends NodeFacts {
  readonly type: 'directory';
  /** By name, with a character for each byte: names that are not UTF-8 stay apart. */
  readonly entries: Map<string, MemoryNode>;
}

/** A symbolic link. */
export interface MemoryLink extends NodeFacts {
  readonly type: 'symbolic-link';
  readonly target: Uint8Array;
}

/** Where a path leads to. */
export interface MemoryPlace {
  /** The folder that the last part of the path is, or would be, in. */
  readonly folder: MemoryFolder;
  /** It, behind all that it lies in, the root first. */
  readonly folders: readonly MemoryFolder[];
  /** The names that lead from the root to it, links resolved. */
  readonly trail: readonly string[];
  /** `undefined` for a path that ends at a folder and not at a name: the root above all. */
  readonly key: string | undefined;
  readonly node: MemoryNode | undefined;
}

/** A place with something there. */
export type Existing = MemoryPlace & { readonly key: string; readonly node: MemoryNode };

/** Links that one path may lead through, as in Linux. */
const MOST_LINKS = 40;
const SLASH = 0x2f;

/**
 * Follows a path. Throws NO_SUCH_FILE when a folder on the way is not there, and for a link that leads nowhere.
 *
 * @param followLast - follow a symbolic link that the path ends at
 */
export function findPlace(root: MemoryFolder, path: Uint8Array, followLast: boolean): MemoryPlace {
  const folders: MemoryFolder[] = [root];
  const trail: string[] = [];
  let rest = partsOf(path).map(binaryText);
  let isFinalLink = false;
  for (let links = 0; ;) {
    const folder = folders.at(-1) ?? root;
    const key = rest.shift();
    if (key === undefined) return { folder, folders, trail, key: undefined, node: folder };
    if (key === '.') continue;
    if (key === '..') {
      // the root is its own parent
      if (trail.pop() !== undefined) folders.pop();
      continue;
    }
    const node = folder.entries.get(key);
    const isLast = rest.length === 0;
    if (node?.type === 'symbolic-link' && (!isLast || followLast)) {
      if (++links > MOST_LINKS) throw noSuchFile();
      if (node.target[0] === SLASH) {
        folders.length = 1;
        trail.length = 0;
      }
      isFinalLink ||= isLast;
      rest = [...partsOf(node.target).map(binaryText), ...rest];
    } else if (isLast) {
      // a link to nothing is no name for a new file
      if (node === undefined && isFinalLink) throw noSuchFile();
      return { folder, folders, trail, key, node };
    } else if (node?.type === 'directory') {
      folders.push(node);
      trail.push(key);
    } else throw noSuchFile();
  }
}

/** What a path leads to; throws NO_SUCH_FILE when there is nothing. */
export function findNode(root: MemoryFolder, path: Uint8Array, followLast = true): MemoryNode {
  const { node } = findPlace(root, path, followLast);
  if (node === undefined) throw noSuchFile();
  return node;
}

/** The folder that a path leads to; throws NO_SUCH_FILE when there is none. */
export function findFolder(root: MemoryFolder, path: Uint8Array): MemoryFolder {
  const node = findNode(root, path);
  if (node.type !== 'directory') throw noSuchFile();
  return node;
}

/** The place of what a path leads to, symbolic links being themselves. Throws NO_SUCH_FILE when there is nothing, FAILURE for the root. */
export function findExisting(root: MemoryFolder, path: Uint8Array): Existing {
  const place = findPlace(root, path, false);
  const { key, node } = place;
  if (node === undefined) throw noSuchFile();
  if (key === undefined)
    throw statusError(StatusCode.FAILURE, 'change', { message: 'Is the root' });
  return { ...place, key, node };
}

/** A node's attributes as they are told. */
export function attributesOf(node: MemoryNode): FileAttributes {
  const { uid, gid, atime, mtime, permissions } = node;
  return {
    size: sizeOf(node),
    uid,
    gid,
    permissions: typeBits(node.type) | permissions,
    atime,
    mtime,
  };
}

function sizeOf(node: MemoryNode): number {
  if (node.type === 'file') return node.content.size;
  return node.type === 'symbolic-link' ? node.target.length : 0;
}

function noSuchFile(): Error {
  return statusError(StatusCode.NO_SUCH_FILE, 'find');
}
