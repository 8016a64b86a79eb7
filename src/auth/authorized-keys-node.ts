/** The keys of an authorized_keys file on this machine as a policy. */
import { open } from 'node:fs/promises';
import { defer, from, map, type Observable, of } from 'rxjs';
import { SshError } from '../errors.ts';
import { authorizedKeys } from './authorized-keys.ts';
import type { AuthAttemptInfo, AuthDecision } from './policy.ts';

/** What 10,000 keys with their options take, and more. */
const MAX_FILE_SIZE = 16 * 1024 * 1024;

/**
 * As {@link authorizedKeys}, with a file that is read at each try: a key that was taken out of it lets nobody in. Errors, which
 * denies, when the file cannot be read or is larger than 16 MiB.
 *
 * @param file - its path, or a function of the user's name. The name is the client's: it may have slashes in it, though never `..`
 * as a part of a path. `undefined` denies.
 * @example
 * ```ts
 * listen({ port: 2200, hostKeys, authenticate: authorizedKeysFile('/etc/app/authorized_keys') });
 * ```
 */
export function authorizedKeysFile(
  file: string | ((user: string) => string | undefined),
): (attempt: AuthAttemptInfo) => Observable<AuthDecision> {
  return (attempt) => {
    if (attempt.method !== 'publickey') return of(false);
    return defer(() => {
      const path = typeof file === 'string' ? file : file(attempt.user);
      return path === undefined ? of('') : from(readBounded(path));
    }).pipe(map((text) => authorizedKeys(text)(attempt)));
  };
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const stats = await file.stat();
    // a pipe or a device may have no end
    if (!stats.isFile())
      throw new SshError('config', `${path}: no regular file`, { option: 'file' });
    if (stats.size > MAX_FILE_SIZE) {
      const detail = { what: 'authorized_keys', limit: MAX_FILE_SIZE };
      throw new SshError('overflow', `${path}: larger than ${MAX_FILE_SIZE} bytes`, detail);
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
