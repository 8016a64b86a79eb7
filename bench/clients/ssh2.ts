/** npm ssh2, on sockets with TCP_NODELAY. */
import type { ClientChannel, Client } from 'ssh2';
import {
  CHUNK_BYTES,
  checkBytes,
  COMMANDS,
  type EchoChannel,
  type NodeClient,
  type OpenConnection,
  type SftpBenchClient,
} from '../task.ts';
import { login } from './ssh2-login.ts';
import { sftp } from './ssh2-sftp.ts';

export const client: NodeClient & SftpBenchClient = {
  sftp,

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
