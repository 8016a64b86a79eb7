/**
 * Our server in a process of its own: says `port TAB host key`, and ends with its stdin. Arguments: the key that may log in, and
 * `child` when commands are to be run by children.
 */
import { readFileSync } from 'node:fs';
import { concat, from, ignoreElements, of, reduce, switchMap } from 'rxjs';
import {
  childProcess,
  type ExecHandler,
  generatePrivateKey,
  listen,
  nodeFileSystem,
  sftpServer,
} from 'rxssh';
import { equalPublicKeys, formatPublicKeyLine, parsePublicKeyLine } from 'rxssh/keys';
import { COMMANDS, zeros } from './task.ts';

const [, , keyFile = '', source] = process.argv;
const known = parsePublicKeyLine(readFileSync(keyFile, 'utf8')).publicKey;
const hostKey = generatePrivateKey('ed25519');

/** Does what the commands of the bench do. */
const inProcess: ExecHandler = (session, command) => {
  if (command === COMMANDS.nothing) return of(0);
  if (command !== COMMANDS.upload)
    return concat(session.stdout.pump(zeros(command)).pipe(ignoreElements()), of(0));
  return session.stdin$.pipe(
    reduce((bytes, chunk) => bytes + chunk.length, 0),
    switchMap((bytes) =>
      concat(session.stdout.pump(from([`${bytes}\n`])).pipe(ignoreElements()), of(0)),
    ),
  );
};

listen({
  port: 0,
  hostKeys: [hostKey],
  maxStartups: { start: 1000, rate: 100, full: 1000 },
  maxPerSource: 1000,
  authenticate: (attempt) =>
    attempt.method === 'publickey' && equalPublicKeys(attempt.publicKey, known),
  exec: source === 'child' ? childProcess() : inProcess,
  subsystems: { sftp: sftpServer(nodeFileSystem({ root: '/' })) },
}).subscribe({
  next: (event) => {
    if (event.type === 'listening')
      console.log(`${event.port}\t${formatPublicKeyLine(hostKey.publicKey)}`);
  },
});

process.stdin.resume().once('end', () => process.exit());
