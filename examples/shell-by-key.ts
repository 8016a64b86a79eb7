/**
 * A shell on a host, with questions for all that is not known: how to log in, the passphrase of a key, a host that is new.
 *
 *     node build/examples/shell-by-key.js [USER@]HOST[:PORT]
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectOptions, escapeText, type HostKeyPolicy } from 'rxssh';
import { map, type Observable, switchMap } from 'rxjs';
import { ask, runShell, shellHere } from './own-terminal.ts';

const USUAL_KEY = join(homedir(), '.ssh', 'id_ed25519');

/** A host that is not known is asked about; one whose key has changed is refused, whatever anybody says. */
const hostKeys: HostKeyPolicy = {
  policy: 'ask',
  ask: ({ host, fingerprint }) => {
    console.log(`${host} is not known. Its key is ${fingerprint}.`);
    return ask('Is that right (yes/no)? ').pipe(map((answer) => answer === 'yes'));
  },
};

/** Nothing else is tried than what was chosen. */
const byPassword: Partial<ConnectOptions> = {
  password: ({ user }) => ask(`Password of ${escapeText(user)}: `, { isSecret: true }),
  agent: false,
  identityFiles: [],
};

function byKey(file: string): Partial<ConnectOptions> {
  return {
    agent: false,
    identityFiles: [file],
    // only asked for a key that has one
    passphrase: (encrypted) => ask(`Passphrase of ${encrypted}: `, { isSecret: true }),
  };
}

function chosen(): Observable<Partial<ConnectOptions>> {
  return ask('By (p)assword or (k)ey? [k] ').pipe(
    switchMap((way) =>
      way === 'p'
        ? [byPassword]
        : ask(`Key [${USUAL_KEY}]: `).pipe(map((file) => byKey(file === '' ? USUAL_KEY : file))),
    ),
  );
}

const [host] = process.argv.slice(2);
if (host === undefined || !process.stdin.isTTY) {
  console.error('usage, on a terminal: shell-by-key [USER@]HOST[:PORT]');
  process.exitCode = 2;
} else {
  runShell(
    chosen().pipe(
      switchMap((how) => connect(host, { ...how, hostKeys })),
      shellHere(),
    ),
  );
}
