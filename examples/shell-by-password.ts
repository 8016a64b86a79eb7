/**
 * A shell on a host, by password:
 *
 *     node build/examples/shell-by-password.js [USER@]HOST[:PORT]
 */
import { connect, escapeText } from 'rxssh';
import { ask, runShell, shellHere } from './own-terminal.ts';

const [host] = process.argv.slice(2);
if (host === undefined || !process.stdin.isTTY) {
  console.error('usage, on a terminal: shell-by-password [USER@]HOST[:PORT]');
  process.exitCode = 2;
} else {
  const client$ = connect(host, {
    // asked for each try, so that whoever mistypes may type again
    password: ({ user }) => ask(`Password of ${escapeText(user)}: `, { isSecret: true }),
    passwordTries: 3,
    agent: false,
    identityFiles: [],
  });
  runShell(client$.pipe(shellHere()));
}
