/** Opening files and folders below a root. */
import { constants, type Dir } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { errorCode } from '../../errors.ts';
import { concatBytes, utf8Bytes } from '../../wire/bytes.ts';
import { fileName } from '../file-name.ts';
import type { DirectoryEntry, OpenFlags, SftpFile } from '../server/file-system.ts';
import { attributesOf, MODE_BITS } from './node-attributes-node.ts';
import { NodeFile } from './node-file-node.ts';
import { bufferOf, type Jail, openFd } from './node-jail-node.ts';
import { statusError, StatusCode } from '../status.ts';

const FILE_MODE = 0o666;
/** Entries that are looked at together: as many as the system gives at a time. */
const TOGETHER = 100;

/**
 * Opens a regular file, or makes one. A name that a symbolic link has is not made anew: the file that it leads to is
 * opened if it is there and inside.
 *
 * @param permissions - of a new file, before the umask
 */
export async function openFile(
  jail: Jail,
  path: Uint8Array,
  flags: OpenFlags,
  permissions: number | undefined,
  mayChown: boolean,
): Promise<SftpFile> {
  const how = accessOf(flags);
  if (flags.create) {
    const made = await make(jail, path, how, permissions ?? FILE_MODE, flags.exclusive);
    if (made !== undefined) return new NodeFile(made, mayChown);
  }
  return jail.target(path, async (at) => {
    // looked at before it is opened: a FIFO would wait for its writer, a device may do anything
    if (!(await stat(at)).isFile())
      throw statusError(StatusCode.FAILURE, 'open', { message: 'Not a regular file' });
    const truncate = flags.truncate && flags.write ? constants.O_TRUNC : 0;
    return new NodeFile(await openFd(at, how | truncate), mayChown);
  });
}

/** A new file; `undefined` when there is something by the name. */
function make(
  jail: Jail,
  path: Uint8Array,
  how: number,
  permissions: number,
  isExclusive: boolean,
): Promise<number | undefined> {
  return jail.entry(path, async (at) => {
    const anew = constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    try {
      return await openFd(at, how | anew, permissions & MODE_BITS);
    } catch (thrown) {
      if (isExclusive || errorCode(thrown) !== 'EEXIST') throw thrown;
      return undefined;
    }
  });
}

function accessOf({ read, write, append }: OpenFlags): number {
  const access = write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY;
  // a FIFO that takes a file's place where it cannot be held must not keep us waiting
  return access | (append ? constants.O_APPEND : 0) | constants.O_NONBLOCK;
}

/** The entries of a folder, as they come; the folder is held until the last, or until nobody asks any more. */
export async function* entriesOf(jail: Jail, path: Uint8Array): AsyncGenerator<DirectoryEntry> {
  const held = await jail.hold(path);
  try {
    // a character for each byte
    const folder = await opendir(held.at, { encoding: 'latin1', bufferSize: TOGETHER });
    yield* entriesIn(folder, held.at);
  } finally {
    await held.release();
  }
}

async function* entriesIn(folder: Dir, at: Buffer): AsyncGenerator<DirectoryEntry> {
  try {
    for (let names = await someNames(folder); names.length > 0; names = await someNames(folder)) {
      const entries = await Promise.all(names.map((name) => entryOf(at, name)));
      yield* entries.filter((entry) => entry !== undefined);
    }
  } finally {
    await folder.close();
  }
}

async function someNames(folder: Dir): Promise<string[]> {
  const names: string[] = [];
  while (names.length < TOGETHER) {
    const entry = await folder.read();
    if (entry === null) break;
    names.push(entry.name);
  }
  return names;
}

/** `undefined` for one that has gone meanwhile. */
async function entryOf(folder: Buffer, latin1Name: string): Promise<DirectoryEntry | undefined> {
  const name = Uint8Array.from(Buffer.from(latin1Name, 'latin1'));
  try {
    const stats = await lstat(bufferOf(concatBytes([folder, utf8Bytes('/'), name])));
    return { name: fileName(name), attributes: attributesOf(stats) };
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
