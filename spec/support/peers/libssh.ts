/** A server on libssh, which is a library only: the program is ours, compiled where it is needed. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KEY_KINDS, makeKeyFiles, publicLine, publicLinesByType } from './key-files.ts';
import { listeningPeer } from './listening-peer.ts';
import { type Peer, peerFolder, startProgram } from './peer.ts';

const USER = 'deploy';
const PASSWORD = 'a long password';

/** @param rekeyBytes - the server asks for new keys after so many; 0 is never */
export async function startLibssh(rekeyBytes = 0): Promise<Peer> {
  const folder = peerFolder();
  const program = folder.file('libssh-server');
  const source = join(import.meta.dirname, 'libssh-server.c');
  const flags = ['-O1', '-Wno-deprecated-declarations'];
  execFileSync('cc', [...flags, '-o', program, source, '-lssh', '-lcrypto']);
  // one of each family
  const kinds = KEY_KINDS.filter(({ type }) => !/nistp(384|521)$/.test(type));
  const hostKeyFiles = makeKeyFiles(folder.file, 'host', kinds);
  const identityFiles = makeKeyFiles(folder.file, 'user');
  const authorized = folder.file('authorized_keys');
  writeFileSync(authorized, `${identityFiles.map(publicLine).join('\n')}\n`);
  const arguments_ = [USER, PASSWORD, authorized, String(rekeyBytes), ...hostKeyFiles];
  const running = startProgram([program, ...arguments_]);
  const hostKeys = publicLinesByType(hostKeyFiles);
  const facts = { name: 'libssh', user: USER, password: PASSWORD, identityFiles, hostKeys };
  return listeningPeer(running, folder, facts);
}
