/** Our server as a peer: real processes behind a listener in this process, for real clients on the other side. */
import { readFileSync } from 'node:fs';
import { of, Subscription } from 'rxjs';
import { parsePrivateKey } from '../../../src/keys/private-key-file.ts';
import { equalPublicKeys, formatPublicKeyLine } from '../../../src/keys/public-key.ts';
import { childProcess } from '../../../src/server/child-process-node.ts';
import type { ServerEvent } from '../../../src/server/events.ts';
import { listen, type ListenOptions } from '../../../src/server/listen-node.ts';
import { makeKeyFiles } from './key-files.ts';
import { knownHostsLines, type Peer, peerFolder } from './peer.ts';

/** A server of ours, and what it has told. */
export interface OurServer extends Peer {
  readonly events: readonly ServerEvent[];
}

const USER = 'alice';
const PASSWORD = 'correct horse';

/** Starts a server that lets in one user, by password or by any of the keys, and runs what is asked for. */
export async function startOurServer(more: Partial<ListenOptions> = {}): Promise<OurServer> {
  const folder = peerFolder();
  const hostKeyFiles = makeKeyFiles(folder.file, 'host');
  const identityFiles = makeKeyFiles(folder.file, 'user');
  const hostKeys = await Promise.all(hostKeyFiles.map(keyOf));
  const userKeys = await Promise.all(identityFiles.map(keyOf));
  const run = childProcess({ cwd: '/' });
  const events: ServerEvent[] = [];
  const running = new Subscription();
  const { address: host, port } = await new Promise<ServerEvent & { type: 'listening' }>(
    (resolve, reject) => {
      const next = (event: ServerEvent): void => {
        events.push(event);
        if (event.type === 'listening') resolve(event);
      };
      const options: ListenOptions = {
        ...{ port: 0, hostKeys, exec: run, shell: run },
        authenticate: (attempt) =>
          of(
            attempt.user === USER &&
              (attempt.method === 'password'
                ? attempt.password === PASSWORD
                : attempt.method === 'publickey' &&
                  userKeys.some((key) => equalPublicKeys(key.publicKey, attempt.publicKey))),
          ),
        ...more,
      };
      running.add(listen(options).subscribe({ next, error: reject }));
    },
  );
  const lines = new Map(
    hostKeys.map(({ publicKey }) => [publicKey.type, formatPublicKeyLine(publicKey)]),
  );
  return {
    ...{ name: 'rxssh', host, port, user: USER, password: PASSWORD, identityFiles, events },
    hostKeys: lines,
    knownHostsLines: knownHostsLines({ host, port }, lines),
    log: () => events.map((event) => event.type).join('\n'),
    stop: async () => {
      running.unsubscribe();
      folder.remove();
    },
  };
}

async function keyOf(file: string): ReturnType<typeof parsePrivateKey> {
  return parsePrivateKey(readFileSync(file, 'utf8'), { source: file });
}
