/** The files below a folder of this machine, for an SFTP server: a jail that neither `..` nor symbolic links lead out of. */
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import type { FileAttributes } from '../attributes.ts';
import type { StatvfsReply } from '../extensions.ts';
import { fileName, type FileName } from '../file-name.ts';
import type { SftpFile, SftpFileSystem } from '../server/file-system.ts';
import { attributesOf, change, type Changeable, MODE_BITS } from './node-attributes-node.ts';
import { Jail } from './node-jail-node.ts';
import { makeLink, readLink } from './node-links-node.ts';
import { entriesOf, openFile } from './node-open-node.ts';
import { movePath, renamePath } from './node-rename-node.ts';
import { userGroupNames } from './node-user-names-node.ts';
import { statusError, StatusCode } from '../status.ts';
import { isRoot } from '../server/virtual-path.ts';

/** What `nodeFileSystem` serves. */
export interface NodeFileSystemOptions {
  /** The folder that clients see as `/`. It must be there. */
  readonly root: string;
  /** Refuses whatever would change something. */
  readonly readOnly?: boolean;
  /** Lets clients change owners, if this process may; refused unless said otherwise. */
  readonly chown?: boolean;
  /** Tells clients the names of this machine's users and groups; only numbers unless said otherwise. */
  readonly userNames?: boolean;
}

const FOLDER_MODE = 0o777;
const READ_ONLY = 1n;
const NO_SETUID = 2n;
/** Linux, macOS and the BSDs. */
const NAME_MAX = 255n;

/**
 * Serves the files below a folder.
 *
 * 1. Nothing outside of the folder is read, changed, or told of: what a symbolic link leads out to is NO_SUCH_FILE,
 *    whether it is there or not. On Linux that holds against local users who exchange files meanwhile; elsewhere, give the
 *    folder to nobody else.
 * 2. Paths and targets of links are virtual both ways; no answer has a path of this machine.
 * 3. Only regular files are opened: a FIFO or a device is FAILURE, at once.
 * 4. Permissions are set without setuid, setgid and sticky bits.
 * 5. Files belong to the user of this process, whoever has logged in: it may do what that user may.
 *
 * @param options - the folder, and what clients may do
 * @throws SshError `config` when there is no such folder
 * @example
 * ```ts
 * const sftp = sftpServer(nodeFileSystem({ root: '/srv/files', readOnly: true }));
 * ```
 */
export function nodeFileSystem(options: NodeFileSystemOptions): SftpFileSystem {
  const { chown = false, userNames = false } = options;
  const readOnly = options.readOnly ?? false;
  const files = new NodeFileSystem(new Jail(options.root), readOnly, chown);
  // what is not there is not advertised
  return userNames ? Object.assign(files, { usersGroupsById: userGroupNames }) : files;
}

class NodeFileSystem implements SftpFileSystem {
  readonly fsync = true;
  readonly #jail: Jail;
  readonly #readOnly: boolean;
  readonly #mayChown: boolean;

  constructor(jail: Jail, readOnly: boolean, mayChown: boolean) {
    this.#jail = jail;
    this.#readOnly = readOnly;
    this.#mayChown = mayChown;
  }

  async open(
    { bytes }: FileName,
    flags: Parameters<SftpFileSystem['open']>[1],
    { permissions }: FileAttributes,
  ): Promise<SftpFile> {
    if (flags.write || flags.create || flags.truncate) this.#writable();
    return openFile(this.#jail, bytes, flags, permissions, this.#mayChown);
  }

  opendir({ bytes }: FileName): ReturnType<typeof entriesOf> {
    return entriesOf(this.#jail, bytes);
  }

  stat({ bytes }: FileName): Promise<FileAttributes> {
    return this.#jail.target(bytes, async (at) => attributesOf(await fs.stat(at)));
  }

  async lstat({ bytes }: FileName): Promise<FileAttributes> {
    const look = async (at: Buffer): Promise<FileAttributes> => attributesOf(await fs.lstat(at));
    return isRoot(bytes) ? this.stat(fileName(bytes)) : this.#jail.entry(bytes, look);
  }

  async setstat({ bytes }: FileName, attributes: FileAttributes): Promise<void> {
    this.#writable();
    return this.#jail.target(bytes, (at) => change(byPath(at), attributes, this.#mayChown));
  }

  async lsetstat({ bytes }: FileName, attributes: FileAttributes): Promise<void> {
    this.#writable();
    return this.#jail.entry(bytes, async (at) => {
      const isLink = (await fs.lstat(at)).isSymbolicLink();
      const file = isLink ? ofLink(at) : byPath(at);
      await change(file, attributes, this.#mayChown);
    });
  }

  async mkdir({ bytes }: FileName, { permissions = FOLDER_MODE }: FileAttributes): Promise<void> {
    this.#writable();
    return this.#jail.entry(bytes, async (at) => {
      await fs.mkdir(at, permissions & MODE_BITS);
    });
  }

  async rmdir({ bytes }: FileName): Promise<void> {
    this.#writable();
    return this.#jail.entry(bytes, (at) => fs.rmdir(at));
  }

  async remove({ bytes }: FileName): Promise<void> {
    this.#writable();
    return this.#jail.entry(bytes, (at) => fs.unlink(at));
  }

  async rename(from: FileName, to: FileName): Promise<void> {
    this.#writable();
    return this.#two(from, to, movePath);
  }

  async posixRename(from: FileName, to: FileName): Promise<void> {
    this.#writable();
    return this.#two(from, to, renamePath);
  }

  async hardlink(existing: FileName, link: FileName): Promise<void> {
    this.#writable();
    return this.#two(existing, link, async (at, to) => {
      if (!(await fs.lstat(at)).isFile())
        throw statusError(StatusCode.FAILURE, 'hardlink', { message: 'Not a file' });
      await fs.link(at, to);
    });
  }

  async symlink(target: FileName, link: FileName): Promise<void> {
    this.#writable();
    return makeLink(this.#jail, target.bytes, link.bytes);
  }

  async readlink({ bytes }: FileName): Promise<FileName> {
    return fileName(await readLink(this.#jail, bytes));
  }

  async realpath({ bytes }: FileName): Promise<FileName> {
    return fileName(await this.#jail.resolve(bytes));
  }

  statvfs({ bytes }: FileName): Promise<StatvfsReply> {
    return this.#jail.target(bytes, async (at) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await fs.statfs(at, { bigint: true });
      return {
        blockSize: bsize,
        fragmentSize: bsize,
        blocks,
        blocksFree: bfree,
        blocksAvailable: bavail,
        files,
        filesFree: ffree,
        filesAvailable: ffree,
        fileSystemId: 0n,
        flags: this.#readOnly ? READ_ONLY | NO_SETUID : NO_SETUID,
        nameMax: NAME_MAX,
      };
    });
  }

  homeDirectory(user: string): Promise<string> {
    if (user !== '') throw statusError(StatusCode.NO_SUCH_FILE, 'home-directory');
    return Promise.resolve('/');
  }

  #two(
    from: FileName,
    to: FileName,
    work: (from: Buffer, to: Buffer) => Promise<void>,
  ): Promise<void> {
    return this.#jail.entry(from.bytes, (source) =>
      this.#jail.entry(to.bytes, (target) => work(source, target)),
    );
  }

  #writable(): void {
    if (this.#readOnly)
      throw statusError(StatusCode.PERMISSION_DENIED, 'change', { message: 'Read-only' });
  }
}

/** What is held, or an entry that is no link. */
function byPath(at: Buffer): Changeable {
  return {
    stat: () => fs.stat(at),
    truncate: (size) => fs.truncate(at, size),
    chmod: (mode) => fs.chmod(at, mode),
    utimes: (atime, mtime) => fs.utimes(at, atime, mtime),
    chown: (uid, gid) => fs.chown(at, uid, gid),
  };
}

/** Of a symbolic link itself; it has no size and no permissions that could be set. */
function ofLink(at: Buffer): Changeable {
  return {
    stat: (): Promise<Stats> => fs.lstat(at),
    truncate: notOfLinks,
    chmod: notOfLinks,
    utimes: (atime, mtime) => fs.lutimes(at, atime, mtime),
    chown: (uid, gid) => fs.lchown(at, uid, gid),
  };
}

function notOfLinks(): Promise<never> {
  return Promise.reject(statusError(StatusCode.FAILURE, 'lsetstat', { message: 'Is a link' }));
}
