/**
 * A file system in memory: for tests, and for servers whose files live as long as their process. Whole, with symbolic and hard
 * links, sparse files, modes, owners and times; modes are kept and told, and not enforced, for there is one user.
 */
import { EMPTY, type Observable, of } from 'rxjs';
import { binaryBytes } from '../../wire/bytes.ts';
import type { FileAttributes } from '../attributes.ts';
import type { StatvfsReply } from '../extensions.ts';
import { fileName, type FileName, type Path } from '../file-name.ts';
import type {
  DirectoryEntry,
  OpenFlags,
  SftpFile,
  SftpFileSystem,
  UserGroupNames,
} from '../server/file-system.ts';
import { MemoryHandle } from './memory-file.ts';
import {
  attributesOf,
  type Existing,
  findExisting,
  findFolder,
  findNode,
  findPlace,
  type MemoryFolder,
  type MemoryNode,
  type MemoryPlace,
} from './memory-tree.ts';
import { costOf, MemoryUsage } from './memory-usage.ts';
import { SparseBytes } from './sparse-bytes.ts';
import { statusError, StatusCode } from '../status.ts';
import { leadsOut, MAX_NAME, nameOf, virtualPath } from '../server/virtual-path.ts';

/** How `memoryFileSystem` is set up. */
export interface MemoryFileSystemOptions {
  /** Bytes that all files may take together, each name, and where a symbolic link leads, counted with 256 more; 256 MiB unless said otherwise. */
  readonly quota?: number;
  /** Owner of what is made; 0 unless said otherwise. */
  readonly uid?: number;
  /** Group of what is made; 0 unless said otherwise. */
  readonly gid?: number;
  /** Names of users, by number. */
  readonly users?: Readonly<Record<number, string>>;
  /** Names of groups, by number. */
  readonly groups?: Readonly<Record<number, string>>;
  /** Milliseconds since 1970; `Date.now` unless said otherwise. */
  readonly now?: () => number;
}

const DEFAULT_QUOTA = 256 * 1024 * 1024;
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
/** setuid, setgid and sticky bits are for machines with users. */
const MODE_BITS = 0o777;
const SLASH = 0x2f;

/**
 * Makes an empty file system in memory.
 *
 * 1. Every operation of SFTP version 3 and of OpenSSH's extensions is there, done at once.
 * 2. What would pass the quota fails, and leaves everything as it was. Holes take nothing.
 * 3. A file that was removed goes on as long as a handle is open.
 * 4. A symbolic link may lead nowhere, but not above the root; a new file is not made through it.
 *
 * @example
 * ```ts
 * listen({ port: 2200, hostKeys: [key], authenticate, subsystems: { sftp: sftpServer(memoryFileSystem()) } });
 * ```
 */
export function memoryFileSystem(options: MemoryFileSystemOptions = {}): SftpFileSystem {
  return new MemoryFileSystem(options);
}

class MemoryFileSystem implements SftpFileSystem {
  readonly fsync = true;
  readonly #options: MemoryFileSystemOptions;
  readonly #root: MemoryFolder;
  readonly #usage: MemoryUsage;

  constructor(options: MemoryFileSystemOptions) {
    this.#options = options;
    this.#usage = new MemoryUsage(options.quota ?? DEFAULT_QUOTA);
    this.#root = { type: 'directory', entries: new Map(), ...this.#facts(FOLDER_MODE) };
  }

  open(path: FileName, flags: OpenFlags, attributes: FileAttributes): Observable<SftpFile> {
    const isNewOnly = flags.create && flags.exclusive;
    const place = findPlace(this.#root, path.bytes, !isNewOnly);
    if (place.node !== undefined && isNewOnly) throw failure('open', 'File exists');
    if (place.node === undefined && flags.create) {
      const permissions = (attributes.permissions ?? FILE_MODE) & MODE_BITS;
      const content = new SparseBytes();
      const facts = this.#facts(permissions);
      this.#add(place, path, { type: 'file', content, links: 1, handles: 0, ...facts });
    }
    const file = findNode(this.#root, path.bytes);
    if (file.type !== 'file') throw failure('open', 'Not a file');
    if (flags.truncate && flags.write) this.#change(file, { size: 0 });
    const now = (): number => this.#now();
    const change = this.#change.bind(this);
    return of(new MemoryHandle(file, flags, this.#usage, now, change));
  }

  *opendir(path: FileName): Iterable<DirectoryEntry> {
    for (const [key, node] of findFolder(this.#root, path.bytes).entries) {
      yield { name: fileName(binaryBytes(key)), attributes: attributesOf(node) };
    }
  }

  stat(path: FileName): Observable<FileAttributes> {
    return of(attributesOf(findNode(this.#root, path.bytes)));
  }

  lstat(path: FileName): Observable<FileAttributes> {
    return of(attributesOf(findNode(this.#root, path.bytes, false)));
  }

  setstat(path: FileName, attributes: FileAttributes): Observable<never> {
    return this.#change(findNode(this.#root, path.bytes), attributes);
  }

  lsetstat(path: FileName, attributes: FileAttributes): Observable<never> {
    return this.#change(findNode(this.#root, path.bytes, false), attributes);
  }

  mkdir(path: FileName, { permissions = FOLDER_MODE }: FileAttributes): Observable<never> {
    const place = findPlace(this.#root, path.bytes, false);
    const facts = this.#facts(permissions & MODE_BITS);
    return this.#add(place, path, { type: 'directory', entries: new Map(), ...facts });
  }

  rmdir(path: FileName): Observable<never> {
    const place = findExisting(this.#root, path.bytes);
    if (place.node.type !== 'directory') throw noSuchFile('rmdir');
    if (place.node.entries.size > 0) throw failure('rmdir', 'Folder is not empty');
    return this.#take(place);
  }

  remove(path: FileName): Observable<never> {
    const place = findExisting(this.#root, path.bytes);
    if (place.node.type === 'directory') throw failure('remove', 'Is a folder');
    return this.#take(place);
  }

  rename(from: FileName, to: FileName): Observable<never> {
    const place = findPlace(this.#root, to.bytes, false);
    if (place.node !== undefined) throw failure('rename', 'File exists');
    return this.posixRename(from, to);
  }

  posixRename(from: FileName, to: FileName): Observable<never> {
    const source = findExisting(this.#root, from.bytes);
    const place = findPlace(this.#root, to.bytes, false);
    const { node } = source;
    if (node === place.node) return done();
    if (place.key === undefined) throw failure('rename', 'Is the root');
    if (node.type === 'directory' && place.folders.includes(node))
      throw failure('rename', 'A folder cannot lie in itself');
    checkReplaceable(node, place.node);
    checkName(to);
    // before anything is changed: it may be too much
    this.#usage.take(place.key.length - source.key.length);
    if (place.node !== undefined) this.#take(findExisting(this.#root, to.bytes));
    source.folder.entries.delete(source.key);
    place.folder.entries.set(place.key, node);
    source.folder.mtime = place.folder.mtime = this.#now();
    return done();
  }

  hardlink(existing: FileName, link: FileName): Observable<never> {
    const { node } = findExisting(this.#root, existing.bytes);
    if (node.type !== 'file') throw failure('hardlink', 'Not a file');
    this.#add(findPlace(this.#root, link.bytes, false), link, node);
    node.links++;
    return done();
  }

  symlink(target: FileName, link: FileName): Observable<never> {
    const place = findPlace(this.#root, link.bytes, false);
    if (target.bytes.length === 0) throw noSuchFile('symlink');
    const isAbsolute = target.bytes[0] === SLASH;
    if (!isAbsolute && leadsOut(target.bytes, pathOf(place.trail)))
      throw statusError(StatusCode.PERMISSION_DENIED, 'symlink');
    const kept = isAbsolute ? virtualPath(target.bytes) : target.bytes.slice();
    const facts = this.#facts(MODE_BITS);
    return this.#add(place, link, {
      type: 'symbolic-link',
      target: kept,
      ...facts,
    });
  }

  readlink(path: FileName): Observable<Uint8Array> {
    const { node } = findExisting(this.#root, path.bytes);
    if (node.type !== 'symbolic-link') throw failure('readlink', 'Not a symbolic link');
    return of(node.target.slice());
  }

  realpath(path: FileName): Observable<Path> {
    try {
      const { trail, key } = findPlace(this.#root, path.bytes, true);
      const keys = key === undefined ? trail : [...trail, key];
      return of(pathOf(keys));
    } catch {
      // what is not there has no other name
      return of(path);
    }
  }

  statvfs(path: FileName): Observable<StatvfsReply> {
    findNode(this.#root, path.bytes);
    return of(this.#usage.statistics());
  }

  homeDirectory(): Observable<string> {
    return of('/');
  }

  usersGroupsById(uids: readonly number[], gids: readonly number[]): Observable<UserGroupNames> {
    const { users = {}, groups = {} } = this.#options;
    return of({
      users: uids.map((uid) => users[uid] ?? ''),
      groups: gids.map((gid) => groups[gid] ?? ''),
    });
  }

  #add({ folder, key, node }: MemoryPlace, path: FileName, added: MemoryNode): Observable<never> {
    if (node !== undefined || key === undefined) throw failure('make', 'File exists');
    checkName(path);
    this.#usage.take(costOf(key, added));
    folder.entries.set(key, added);
    folder.mtime = this.#now();
    return done();
  }

  #take({ folder, key, node }: Existing): Observable<never> {
    folder.entries.delete(key);
    folder.mtime = this.#now();
    this.#usage.give(costOf(key, node));
    if (node.type === 'file') {
      node.links--;
      if (node.links === 0 && node.handles === 0) this.#usage.give(node.content.allocated);
    }
    return done();
  }

  #change(node: MemoryNode, attributes: FileAttributes): Observable<never> {
    const { uid, gid, permissions, atime, mtime, size } = attributes;
    if (size !== undefined) {
      if (node.type !== 'file') throw failure('setstat', 'Not a file');
      this.#usage.resize(node, size, this.#now());
    }
    if (permissions !== undefined) node.permissions = permissions & MODE_BITS;
    if (uid !== undefined) node.uid = uid;
    if (gid !== undefined) node.gid = gid;
    if (atime !== undefined) node.atime = atime;
    if (mtime !== undefined) node.mtime = mtime;
    return done();
  }

  #facts(permissions: number): Omit<MemoryFolder, 'type' | 'entries'> {
    const { uid = 0, gid = 0 } = this.#options;
    const now = this.#now();
    return { permissions, uid, gid, atime: now, mtime: now };
  }

  #now(): number {
    return Math.floor((this.#options.now ?? Date.now)() / 1000);
  }
}

/** rename(2): a folder replaces only an empty folder, a file only what is no folder. */
function checkReplaceable(node: MemoryNode, replaced: MemoryNode | undefined): void {
  if (replaced === undefined) return;
  if (node.type !== 'directory') {
    if (replaced.type === 'directory') throw failure('rename', 'Is a folder');
  } else if (replaced.type !== 'directory') throw noSuchFile('rename');
  else if (replaced.entries.size > 0) throw failure('rename', 'Folder is not empty');
}

function checkName(path: FileName): void {
  if (nameOf(path.bytes).length > MAX_NAME) throw failure('make', 'Name is too long');
}

function pathOf(trail: readonly string[]): Uint8Array {
  return binaryBytes(`/${trail.join('/')}`);
}

function done(): Observable<never> {
  return EMPTY;
}

function failure(operation: string, message: string): Error {
  return statusError(StatusCode.FAILURE, operation, { message });
}

function noSuchFile(operation: string): Error {
  return statusError(StatusCode.NO_SUCH_FILE, operation);
}
