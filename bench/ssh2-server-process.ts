/** The server of npm ssh2 in a process of its own; see own-server-process.ts. Its sockets get TCP_NODELAY, which it does not set. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type * as Ssh2 from 'ssh2';
import type { ServerChannel } from 'ssh2';
import { COMMANDS, zeros } from './task.ts';

const require = createRequire(import.meta.url);
const ssh2 = require(process.env['RXSSH_BENCH_SSH2'] ?? 'ssh2') as typeof Ssh2;

const [, , keyFile = '', source] = process.argv;
const known = ssh2.utils.parseKey(readFileSync(keyFile));
// sshd's host key, for one in 256 that ssh2 generates is none: its own parser says that it is malformed.
const hostFile = join(dirname(keyFile), 'host');
const hostKey = readFileSync(hostFile);
const hostLine = readFileSync(`${hostFile}.pub`, 'utf8');

function runInProcess(command: string, channel: ServerChannel): void {
  const exit = (): void => {
    channel.exit(0);
    channel.end();
  };
  if (command === COMMANDS.nothing) {
    exit();
    return;
  }
  if (command !== COMMANDS.upload) {
    Readable.from(zeros(command)).once('end', exit).pipe(channel, { end: false });
    return;
  }
  let bytes = 0;
  channel.on('data', (chunk: Buffer) => (bytes += chunk.length));
  channel.once('end', () => {
    channel.write(`${bytes}\n`);
    exit();
  });
}

function runChild(command: string, channel: ServerChannel): void {
  const child = spawn('sh', ['-c', command]);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once('close', (status) => {
    channel.exit(status ?? 255);
    channel.end();
  });
}

const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
  connection.on('error', () => undefined);
  connection.on('authentication', (context) => {
    const isKnown =
      context.method === 'publickey' &&
      'getPublicSSH' in known &&
      context.key.data.equals(known.getPublicSSH());
    if (isKnown) context.accept();
    else context.reject(['publickey']);
  });
  connection.on('session', (accept) => {
    accept().on('exec', (acceptExec, _reject, { command }) => {
      const channel = acceptExec();
      if (source === 'child') runChild(command, channel);
      else runInProcess(command, channel);
    });
  });
});

const listener = createServer({ noDelay: true }, (socket) => server.injectSocket(socket));
listener.listen(0, '127.0.0.1', () => {
  console.log(`${(listener.address() as AddressInfo).port}\t${hostLine.trim()}`);
});

process.stdin.resume().once('end', () => process.exit());
