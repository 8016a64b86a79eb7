/** npm ssh2 as a client of our server, in this process. */
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { Peer } from './peer.ts';

/** Has 'an echo' echoed, under these algorithms. */
export async function echoBySsh2(server: Peer, algorithms: ssh2.Algorithms): Promise<string> {
  return (await catBySsh2(server, Buffer.from('an echo'), algorithms)).toString();
}

/** Gives bytes to `cat`, and resolves with what comes back. */
export function catBySsh2(
  server: Peer,
  bytes: Buffer,
  algorithms: ssh2.Algorithms = {},
): Promise<Buffer> {
  const { host, port, user: username, identityFiles, hostKeys } = server;
  const known = new Set([...hostKeys.values()].map((line) => line.split(' ')[1]));
  const client = new ssh2.Client();
  const done = new Promise<Buffer>((resolve, reject) => {
    client.on('error', reject).on('ready', () => {
      client.exec('cat', (error, channel) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        const chunks: Buffer[] = [];
        channel.on('data', (chunk: Buffer) => chunks.push(chunk));
        channel.on('close', () => resolve(Buffer.concat(chunks)));
        channel.end(bytes);
      });
    });
    client.connect({
      ...{ host, port, username, algorithms },
      privateKey: readFileSync(identityFiles[0] ?? ''),
      hostVerifier: (key: Buffer) => known.has(key.toString('base64')),
    });
  });
  return done.finally(() => client.end());
}
