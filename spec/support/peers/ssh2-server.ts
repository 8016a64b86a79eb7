/** A server on npm ssh2, in this process, that runs commands and has SFTP. It cannot be told to ask for new keys. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { makeKeyFiles, publicLine, publicLinesByType } from './key-files.ts';
import { knownHostsLines, type Peer, peerFolder } from './peer.ts';
import { serveFiles } from './ssh2-sftp.ts';

const USER = 'deploy';
const PASSWORD = 'another pässword';

export async function startSsh2(algorithms: ssh2.Algorithms = {}): Promise<Peer> {
  const folder = peerFolder();
  const hostKeyFiles = makeKeyFiles(folder.file, 'host');
  const identityFiles = makeKeyFiles(folder.file, 'user');
  const authorized = new Set(identityFiles.map(publicLine));
  const clients = new Set<Connection>();
  const lines: string[] = [];
  const server = new ssh2.Server(
    {
      hostKeys: hostKeyFiles.map((file) => readFileSync(file)),
      debug: (line) => lines.push(line),
      algorithms,
    },
    (client) => {
      clients.add(client);
      client.on('close', () => clients.delete(client));
      // A connection that fails is the other side's test.
      client.on('error', (error) => lines.push(String(error)));
      client.on('authentication', (context) => authenticate(context, authorized));
      client.on('session', (accept) => {
        const session = accept();
        session.on('sftp', (acceptSftp) => serveFiles(acceptSftp()));
        session.on('exec', (acceptExec, _reject, { command }) => run(acceptExec(), command));
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const hostKeys = publicLinesByType(hostKeyFiles);
  return {
    ...{ name: 'npm ssh2', ...address, user: USER, password: PASSWORD, identityFiles, hostKeys },
    knownHostsLines: knownHostsLines(address, hostKeys),
    log: () => lines.join('\n'),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of clients) client.end();
      await closed;
      folder.remove();
    },
  };
}

function authenticate(context: AuthContext, authorized: ReadonlySet<string>): void {
  if (context.username !== USER) context.reject();
  else if (context.method === 'password') {
    if (context.password === PASSWORD) context.accept();
    else context.reject(['publickey', 'password']);
  } else if (context.method === 'publickey') {
    const line = `${context.key.algo} ${context.key.data.toString('base64')}`;
    const key = authorized.has(line) ? ssh2.utils.parseKey(line) : undefined;
    if (key === undefined || key instanceof Error) context.reject();
    else if (context.blob === undefined || context.signature === undefined) context.accept();
    else {
      // Its type leaves out that a failure is returned as an Error.
      const isRight: unknown = key.verify(context.blob, context.signature, context.hashAlgo);
      if (isRight === true) context.accept();
      else context.reject();
    }
  } else context.reject(['publickey', 'password']);
}

function run(channel: ServerChannel, command: string): void {
  const child = spawn('/bin/sh', ['-c', command]);
  channel.pipe(child.stdin);
  child.stdin.on('error', () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once('close', (status, signal) => {
    if (status === null) channel.exit((signal ?? 'SIGKILL').slice(3));
    else channel.exit(status);
    channel.end();
  });
  channel.once('close', () => child.kill());
}
