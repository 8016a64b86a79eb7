/** A server with SFTP in a process of its own: says `port TAB host key`, and ends with its stdin. Argument: the key that may log in. */
import { readFileSync } from 'node:fs';
import { generatePrivateKey, listen, nodeFileSystem, sftpServer } from 'rxssh';
import { equalPublicKeys, formatPublicKeyLine, parsePublicKeyLine } from 'rxssh/keys';

const known = parsePublicKeyLine(readFileSync(process.argv[2] ?? '', 'utf8')).publicKey;
const hostKey = generatePrivateKey('ed25519');

listen({
  port: 0,
  hostKeys: [hostKey],
  authenticate: (attempt) =>
    attempt.method === 'publickey' && equalPublicKeys(attempt.publicKey, known),
  subsystems: { sftp: sftpServer(nodeFileSystem({ root: '/' })) },
}).subscribe({
  next: (event) => {
    if (event.type === 'listening')
      console.log(`${event.port}\t${formatPublicKeyLine(hostKey.publicKey)}`);
  },
});

process.stdin.resume().once('end', () => process.exit());
