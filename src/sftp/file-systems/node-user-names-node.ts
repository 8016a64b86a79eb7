/** Names of this machine's users and groups. */
import { readFile } from 'node:fs/promises';
import type { UserGroupNames } from '../server/file-system.ts';

/** From `/etc/passwd` and `/etc/group`; empty for numbers that are not there. */
export async function userGroupNames(
  uids: readonly number[],
  gids: readonly number[],
): Promise<UserGroupNames> {
  const [users, groups] = await Promise.all([namesIn('/etc/passwd'), namesIn('/etc/group')]);
  return {
    users: uids.map((uid) => users.get(uid) ?? ''),
    groups: gids.map((gid) => groups.get(gid) ?? ''),
  };
}

/** Both files have name and number at the same places. */
async function namesIn(file: string): Promise<ReadonlyMap<number, string>> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const names = new Map<number, string>();
  for (const line of lines) {
    const [name, , id] = line.split(':');
    // the first name of a number counts, as with getpwuid
    if (name !== undefined && id !== undefined && !names.has(Number(id)))
      names.set(Number(id), name);
  }
  return names;
}
