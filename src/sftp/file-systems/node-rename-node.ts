/** Renaming in a file system of POSIX, with and without replacing. */
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { errorCode } from '../../errors.ts';
import { statusError, StatusCode } from '../status.ts';

/** posix-rename: replaces what is there. */
export function renamePath(from: Buffer, to: Buffer): Promise<void> {
  return rename(from, to);
}

/**
 * RENAME: fails when something is there. A second link that is made, and the first one taken away, cannot replace
 * anything. Folders have no links, and some file systems have none: there something that appears meanwhile is replaced, a
 * folder only by a folder when it is empty.
 */
export async function movePath(from: Buffer, to: Buffer): Promise<void> {
  const isFolder = (await lstat(from)).isDirectory();
  if (!isFolder && (await linked(from, to))) {
    await unlink(from);
    return;
  }
  if (await exists(to)) throw statusError(StatusCode.FAILURE, 'rename', { message: 'File exists' });
  await rename(from, to);
}

/** File systems and systems that cannot do it. */
const NO_LINKS: ReadonlySet<unknown> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

async function linked(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (NO_LINKS.has(errorCode(thrown))) return false;
    throw thrown;
  }
}

async function exists(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
