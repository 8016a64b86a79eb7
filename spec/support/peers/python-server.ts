/** The servers that are Python scripts of ours on somebody else's SSH: paramiko, AsyncSSH. */
import type { Proposal } from '../../../src/transport/negotiation.ts';
import { KEY_KINDS, makeKeyFiles, publicLine, publicLinesByType } from './key-files.ts';
import { listeningPeer } from './listening-peer.ts';
import { type Peer, peerFolder, pythonScript, startProgram } from './peer.ts';

export interface PythonServerOptions {
  /** The server asks for new keys after so many bytes. */
  readonly rekeyBytes?: number;
  /** AsyncSSH: a known_hosts file of the hosts whose users may log in by hostbased. */
  readonly knownClientHosts?: string;
  /** AsyncSSH: what is asked by keyboard-interactive, in place of a password; the password is the answer to everything. */
  readonly rounds?: readonly AsyncsshChallenge[];
  /** In place of its own lists. */
  readonly algorithms?: Partial<Proposal>;
}

/** Name, instruction, language, prompts with whether they echo. */
export type AsyncsshChallenge = readonly [
  string,
  string,
  string,
  readonly (readonly [string, boolean])[],
];

const USER = 'deploy';
const PASSWORD = 'a long: pässword';

export function startParamiko(options: PythonServerOptions = {}): Promise<Peer> {
  return startPythonServer('paramiko', options);
}

export function startAsyncssh(options: PythonServerOptions = {}): Promise<Peer> {
  return startPythonServer('asyncssh', options);
}

async function startPythonServer(
  name: 'paramiko' | 'asyncssh',
  options: PythonServerOptions,
): Promise<Peer> {
  const folder = peerFolder();
  const hostKeyFiles = makeKeyFiles(
    folder.file,
    'host',
    // Of the keys of one family paramiko's server keeps the last.
    KEY_KINDS.filter(({ type }) => !/nistp(384|521)$/.test(type)),
  );
  const identityFiles = makeKeyFiles(folder.file, 'user');
  const running = startProgram(
    pythonScript(
      `${name}-server.py`,
      JSON.stringify({
        ...options,
        ...{ user: USER, password: PASSWORD, hostKeys: hostKeyFiles },
        authorizedKeys: identityFiles.map(publicLine),
      }),
    ),
  );
  const hostKeys = publicLinesByType(hostKeyFiles);
  const facts = { name, user: USER, password: PASSWORD, identityFiles, hostKeys };
  return listeningPeer(running, folder, facts);
}
