/** A server with SFTP for the command line to talk to, over a folder of the spec's own. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import type { Peer } from '../support/peers/peer.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import type { Cli } from './cli.ts';

/** A host, and the folder that it serves. */
export interface SftpHost {
  /** `host:port`, to put in front of `:path`. */
  readonly name: string;
  /** What a client has to be told to log in. */
  readonly options: readonly string[];
  /** The path on this machine of what the host has by this name. */
  file(name: string): string;
}

/** Our own server beside the tests of a file; what it serves, and the folder `local`, are empty before each test. */
export function useSftpHost(cli: Cli): () => SftpHost {
  const root = (): string => cli.file('remote');
  return useHost(cli, root, () =>
    startOurServer({ subsystems: { sftp: sftpServer(() => nodeFileSystem({ root: root() })) } }),
  );
}

/** A peer as a host of the command line. */
export function useHost(cli: Cli, root: () => string, start: () => Promise<Peer>): () => SftpHost {
  let host: SftpHost | undefined;
  let peer: Peer | undefined;
  beforeAll(async () => {
    peer = await start();
    const known = cli.file('known');
    writeFileSync(known, `${peer.knownHostsLines.join('\n')}\n`);
    const [identity = ''] = peer.identityFiles;
    host = {
      name: `${peer.host}:${String(peer.port)}`,
      options: ['-i', identity, '-l', peer.user, '-o', `UserKnownHostsFile=${known}`],
      file: (name) => join(root(), name),
    };
  }, 60_000);
  beforeEach(() => {
    for (const folder of [root(), cli.file('local')]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { mode: 0o777 });
    }
  });
  afterAll(async () => {
    await peer?.stop();
  });
  return () => {
    if (host === undefined) throw new Error('the host is not up');
    return host;
  };
}
