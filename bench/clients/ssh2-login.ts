/** How npm ssh2 logs in, on sockets with TCP_NODELAY, which it does not set itself. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import type * as Ssh2 from 'ssh2';
import type { Client, ConnectConfig } from 'ssh2';
import { HOST_KEY, KEX, type Server, type Task } from '../task.ts';

const require = createRequire(import.meta.url);
const ssh2 = require(process.env['RXSSH_BENCH_SSH2'] ?? 'ssh2') as typeof Ssh2;

/** A connection that is logged in; RXSSH_BENCH_SSH2 names the copy of ssh2 to use. */
export async function login(task: Task): Promise<Client> {
  const config: ConnectConfig = { ...configuration(task), sock: await dial(task.server) };
  return new Promise((resolve, reject) => {
    const connection = new ssh2.Client();
    connection.once('ready', () => resolve(connection)).once('error', reject);
    connection.connect(config);
  });
}

/** How to log in. */
export function configuration({ server, protection }: Task): ConnectConfig {
  const [, key = ''] = server.hostKey.split(' ');
  const wanted = Buffer.from(key, 'base64');
  return {
    username: server.user,
    privateKey: readFileSync(server.identityFile),
    hostVerifier: (offered: Buffer) => offered.equals(wanted),
    algorithms: {
      kex: [KEX],
      serverHostKey: [HOST_KEY],
      // Its types lack some of the names that it knows.
      cipher: [protection.cipher as 'aes256-ctr'],
      hmac: [protection.mac as 'hmac-sha2-256'],
    },
  };
}

/** A socket with TCP_NODELAY, which ssh2 does not set. */
export function dial({ host, port }: Server): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}
