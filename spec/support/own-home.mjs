/** Gives the specs a home folder of their own: what connects without saying which known_hosts must not touch the user's. */
import { mkdtempSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export default function giveHome() {
  // caches stay where they are
  process.env['XDG_CACHE_HOME'] ??= join(homedir(), '.cache');
  process.env['HOME'] = mkdtempSync(join(tmpdir(), 'rxssh-home-'));
}
