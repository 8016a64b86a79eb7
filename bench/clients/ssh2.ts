/** npm ssh2, on sockets with TCP_NODELAY, which it does not set itself. RXSSH_BENCH_SSH2 names the copy of it to use. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import type * as Ssh2 from 'ssh2';
import type { ClientChannel, Client, ConnectConfig } from 'ssh2';
import {
  CHUNK_BYTES,
  checkBytes,
  COMMANDS,
  type EchoChannel,
  HOST_KEY,
  KEX,
  type NodeClient,
  type OpenConnection,
  type Task,
} from '../task.ts';

const require = createRequire(import.meta.url);
const ssh2 = require(process.env['RXSSH_BENCH_SSH2'] ?? 'ssh2') as typeof Ssh2;

export const client: NodeClient = {
  async download(task, bytes) {
    const connection = await login(task);
    let count = 0;
    const { end } = await execute(connection, COMMANDS.download(bytes), (chunk) => {
      count += chunk.length;
    });
    await end;
    connection.end();
    checkBytes(count, bytes);
  },

  async upload(task, bytes) {
    const connection = await login(task);
    let output = '';
    const { channel, end } = await execute(connection, COMMANDS.upload, (chunk) => {
      output += chunk.toString();
    });
    await writeAll(channel, bytes);
    await end;
    connection.end();
    checkBytes(Number(output), bytes);
  },

  async connectAndRun(task) {
    const connection = await login(task);
    await run(connection);
    connection.end();
  },

  async open(task): Promise<OpenConnection> {
    const connection = await login(task);
    return {
      run: () => run(connection),
      echo: () => echo(connection),
      close: () => connection.end(),
    };
  },
};

async function login({ server, protection }: Task): Promise<Client> {
  const [, key = ''] = server.hostKey.split(' ');
  const wanted = Buffer.from(key, 'base64');
  const config: ConnectConfig = {
    sock: await dial(server.host, server.port),
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
  return new Promise((resolve, reject) => {
    const connection = new ssh2.Client();
    connection.once('ready', () => resolve(connection)).once('error', reject);
    connection.connect(config);
  });
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });
}

/** Listens from the callback on: what comes in the same chunk as the answer is told at once. */
function execute(
  connection: Client,
  command: string,
  data: (chunk: Buffer) => void,
): Promise<{ readonly channel: ClientChannel; readonly end: Promise<void> }> {
  return new Promise((resolve, reject) => {
    connection.exec(command, (error, channel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      channel.on('data', data);
      resolve({ channel, end: ended(channel) });
    });
  });
}

function ended(channel: ClientChannel): Promise<void> {
  return new Promise((resolve, reject) => {
    let status: unknown;
    channel.stderr.resume();
    channel.once('exit', (code) => (status = code));
    channel.once('close', () => {
      if (status === 0) resolve();
      else reject(new Error(`the command ended with status ${String(status)}`));
    });
  });
}

function writeAll(channel: ClientChannel, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  return new Promise((resolve) => {
    let left = bytes;
    const write = (): void => {
      while (left > 0) {
        const part = left < CHUNK_BYTES ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (!channel.write(part)) {
          channel.once('drain', write);
          return;
        }
      }
      channel.end();
      resolve();
    };
    write();
  });
}

async function run(connection: Client): Promise<void> {
  const { end } = await execute(connection, COMMANDS.nothing, () => {});
  await end;
}

async function echo(connection: Client): Promise<EchoChannel> {
  let received = (): void => {};
  const { channel, end } = await execute(connection, COMMANDS.echo, () => received());
  // It ends with the connection, by no status.
  end.catch(() => {});
  return {
    send(byte, then): void {
      received = then;
      channel.write(byte);
    },
  };
}
