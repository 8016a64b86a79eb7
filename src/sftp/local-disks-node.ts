/** Which folders are on disks of this machine. Those of a network may hang, and whoever waits for one must not be the event loop. */
import { statfs } from 'node:fs';

/** Most folders that are remembered. */
const MOST_FOLDERS = 256;
/** ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS and bcachefs, as Linux numbers them (statfs(2)). */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  ...[0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994],
  ...[0x794c_7630, 0x2fc1_2fc1, 0xf2f5_2010, 0xca45_1a4e],
]);
const SLASH = 0x2f;

const folders = new Map<string, boolean>();

/**
 * Is a file on a disk of this machine, as far as is known? Of a folder that is new nothing is: another thread asks, and until it has
 * heard the answer is no.
 *
 * @param path - as the system takes it
 */
export function isOnLocalDisk(path: Buffer): boolean {
  const folder = path.subarray(0, path.lastIndexOf(SLASH) + 1);
  const name = folder.toString('latin1');
  const known = folders.get(name);
  if (known !== undefined) return known;
  if (folders.size >= MOST_FOLDERS) folders.clear();
  folders.set(name, false);
  statfs(folder.length === 0 ? '.' : folder, (error, disk) => {
    if (error === null) folders.set(name, LOCAL_TYPES.has(disk.type));
  });
  return false;
}
