/** Attributes of real files, told and changed. */
import type { Stats } from 'node:fs';
import type { FileAttributes } from '../attributes.ts';
import { statusError, StatusCode } from '../status.ts';

/** Never setuid, setgid or sticky: whoever may write a file could have it run as another. */
export const MODE_BITS = 0o777;

const MAX_TIME = 0xffff_ffff;

/** What is told of a file. */
export function attributesOf({ size, uid, gid, mode, atimeMs, mtimeMs }: Stats): FileAttributes {
  return { size, uid, gid, permissions: mode, atime: seconds(atimeMs), mtime: seconds(mtimeMs) };
}

/** The wire has neither times before 1970 nor after 2106. */
function seconds(milliseconds: number): number {
  return Math.min(Math.max(0, Math.floor(milliseconds / 1000)), MAX_TIME);
}

/** How the attributes of one file are changed: by its path, by its descriptor. */
export interface Changeable {
  stat(): Promise<Stats>;
  truncate(size: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  utimes(atime: number, mtime: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
}

/**
 * Changes what is given, in OpenSSH's order.
 *
 * @param mayChown - owners may be changed; otherwise, PERMISSION_DENIED unless they stay what they are
 */
export async function change(
  file: Changeable,
  { size, permissions, atime, mtime, uid, gid }: FileAttributes,
  mayChown: boolean,
): Promise<void> {
  const owner = uid === undefined || gid === undefined ? undefined : { uid, gid };
  if (owner !== undefined && !mayChown) await checkOwner(file, owner);
  if (size !== undefined) await file.truncate(checkedSize(size));
  if (permissions !== undefined) await file.chmod(permissions & MODE_BITS);
  if (atime !== undefined && mtime !== undefined) await file.utimes(atime, mtime);
  if (owner !== undefined && mayChown) await file.chown(owner.uid, owner.gid);
}

async function checkOwner(file: Changeable, owner: { uid: number; gid: number }): Promise<void> {
  const { uid, gid } = await file.stat();
  if (uid !== owner.uid || gid !== owner.gid)
    throw statusError(StatusCode.PERMISSION_DENIED, 'chown');
}

function checkedSize(size: number): number {
  if (Number.isSafeInteger(size)) return size;
  throw statusError(StatusCode.FAILURE, 'truncate', { message: 'File too large' });
}
