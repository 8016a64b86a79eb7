/** Symbolic links below a root: their targets are virtual to clients, and lead nowhere else on this machine. */
import { readlink, symlink } from 'node:fs/promises';
import { concatBytes } from '../../wire/bytes.ts';
import { bufferOf, type Jail } from './node-jail-node.ts';
import { statusError, StatusCode } from '../status.ts';
import { leadsOut, virtualPath } from '../server/virtual-path.ts';

const SLASH = 0x2f;

/**
 * Makes a link. An absolute target is kept as the real path that it stands for, so that programs of this machine find the
 * same file. PERMISSION_DENIED for a relative one that would leave the root.
 */
export function makeLink(jail: Jail, target: Uint8Array, link: Uint8Array): Promise<void> {
  return jail.entry(link, async (at, folder) => {
    if (target.length === 0) throw statusError(StatusCode.NO_SUCH_FILE, 'symlink');
    if (target[0] === SLASH) await symlink(jail.toReal(virtualPath(target)), at);
    else if (leadsOut(target, folder)) throw denied('symlink');
    else await symlink(bufferOf(target), at);
  });
}

/** The target of a link, as a virtual path or relative. PERMISSION_DENIED for one that leads out of the root. */
export function readLink(jail: Jail, link: Uint8Array): Promise<Uint8Array> {
  return jail.entry(link, async (at, folder) => {
    const target = await readlink(at, 'buffer');
    if (target[0] !== SLASH) {
      if (leadsOut(target, folder)) throw denied('readlink');
      return concatBytes([target]);
    }
    const path = jail.toVirtual(virtualPath(target));
    if (path === undefined) throw denied('readlink');
    return path;
  });
}

function denied(operation: string): Error {
  return statusError(StatusCode.PERMISSION_DENIED, operation);
}
