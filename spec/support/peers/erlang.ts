/** Erlang's SSH server, with a few commands of its own. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyKind, makeKeyFiles, publicLine, publicLinesByType } from './key-files.ts';
import { listeningPeer } from './listening-peer.ts';
import { type Peer, peerFolder, programFile, startProgram } from './peer.ts';

const USER = 'deploy';
const PASSWORD = 'a long password';
/** It wants PEM; the names are those of OpenSSH. */
const HOST_KEYS: readonly KeyKind[] = [
  { type: 'rsa', options: ['-t', 'rsa', '-b', '2048', '-m', 'PEM'] },
  { type: 'ecdsa', options: ['-t', 'ecdsa', '-b', '256', '-m', 'PEM'] },
];

/** A server, and the folder that its SFTP sees. */
export interface ErlangServer extends Peer {
  readonly files: string;
}

/** It asks for new keys by itself, but looks only once a minute whether it should. */
export async function startErlang(): Promise<ErlangServer> {
  const folder = peerFolder();
  const [system, user, files] = ['system', 'user', 'files'].map(folder.file) as [
    string,
    string,
    string,
  ];
  for (const path of [system, user, files]) mkdirSync(path);
  const hostKeyFiles = makeKeyFiles((name) => folder.file(name), 'host', HOST_KEYS);
  HOST_KEYS.forEach(({ type }, index) =>
    copyFileSync(hostKeyFiles[index] ?? '', join(system, `ssh_host_${type}_key`)),
  );
  const identityFiles = makeKeyFiles(folder.file, 'user-key');
  writeFileSync(join(user, 'authorized_keys'), `${identityFiles.map(publicLine).join('\n')}\n`);
  const script = join(import.meta.dirname, 'erlang-server.escript');
  const program = programFile('escript') ?? 'escript';
  const arguments_ = [folder.file('.'), USER, PASSWORD];
  const running = startProgram([program, script, ...arguments_], { HOME: folder.file('.') });
  const hostKeys = publicLinesByType(hostKeyFiles);
  const facts = { name: 'Erlang', user: USER, password: PASSWORD, identityFiles, hostKeys };
  return { ...(await listeningPeer(running, folder, facts)), files };
}
