/** Removes the home folder of the specs; a spec that has left keys or hosts in it has forgotten to say where they belong. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export default function removeHome() {
  const home = process.env['HOME'] ?? '';
  const known = join(home, '.ssh/known_hosts');
  const written = existsSync(known) ? readFileSync(known, 'utf8') : '';
  if (/rxssh-home-\w+$/.test(home)) rmSync(home, { recursive: true, force: true });
  if (written !== '') throw new Error(`a spec has written to ~/.ssh/known_hosts:\n${written}`);
}
