/** npm ssh2 as a client of our server, in this process. */
import { readFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import type { Peer } from './peer.ts';

/** Has 'an echo' echoed, under these algorithms. */
export function echoBySsh2(server: Peer, algorithms: ssh2.Algorithms): Promise<string> {
  const { host, port, user: username, identityFiles, hostKeys } = server;
  const known = new Set([...hostKeys.values()].map((line) => line.split(' ')[1]));
  const client = new ssh2.Client();
  const done = new Promise<string>((resolve, reject) => {
    client.on('error', reject).on('ready', () => {
      client.exec('cat', (error, channel) => {
        if (error !== undefined) {
          reject(error);
          return;
        }
        let text = '';
        channel.on('data', (chunk: Buffer) => (text += chunk.toString()));
        channel.on('close', () => resolve(text));
        channel.end('an echo');
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
