/**
 * Who logs in to the peers that use the accounts of the machine (sshd, Dropbear). Root lets scripts/test-account.sh make one with
 * /bin/sh; anybody else is himself, without a password.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export interface Account {
  readonly user: string;
  readonly password?: string;
  /** A key that is in its ~/.ssh/authorized_keys. */
  readonly identityFile?: string;
}

const SCRIPT = join(import.meta.dirname, '../../../scripts/test-account.sh');

/** Is the account a made one, with a password? */
export const hasTestAccount = process.getuid?.() === 0;

export function testAccount(): Account {
  if (!hasTestAccount) return { user: userInfo().username };
  const folder = execFileSync(SCRIPT, { encoding: 'utf8' }).trim();
  return {
    user: 'rxssh-test',
    password: readFileSync(join(folder, 'password'), 'utf8'),
    identityFile: join(folder, 'key'),
  };
}
