/** SFTP of npm ssh2. */
import { createReadStream, createWriteStream, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Client, SFTPWrapper } from 'ssh2';
import { eachOf } from '../each-of.ts';
import { checkBytes, LARGE, type SftpBenchClient, type Transfer } from '../task.ts';
import { login } from './ssh2-login.ts';

export const sftp: SftpBenchClient['sftp'] = async (task, work) => {
  const connection = await login(task);
  const session = await start(connection);
  switch (work.kind) {
    case 'sftp-file':
      await (work.way === 'copy' ? copy(session, work) : stream(session, work));
      break;
    case 'sftp-files': {
      const { direction, remote, local } = work;
      const names = direction === 'get' ? await list(session, remote) : readdirSync(local);
      if (direction === 'get') mkdirSync(local);
      else await make(session, remote);
      await eachOf(names, work.atOnce, (name) =>
        copy(session, { direction, remote: `${remote}/${name}`, local: join(local, name) }),
      );
      break;
    }
    case 'sftp-list':
      checkBytes((await list(session, work.remote)).length, work.count);
  }
  connection.end();
};

function start(connection: Client): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    connection.sftp((error, session) => (error === undefined ? resolve(session) : reject(error)));
  });
}

function copy(session: SFTPWrapper, { direction, remote, local }: Transfer): Promise<void> {
  return done((callback) => {
    if (direction === 'get') session.fastGet(remote, local, callback);
    else session.fastPut(local, remote, callback);
  });
}

function stream(session: SFTPWrapper, { direction, remote, local }: Transfer): Promise<void> {
  return direction === 'get'
    ? pipeline(session.createReadStream(remote), createWriteStream(local, LARGE))
    : pipeline(createReadStream(local, LARGE), session.createWriteStream(remote));
}

function make(session: SFTPWrapper, folder: string): Promise<void> {
  return done((callback) => session.mkdir(folder, callback));
}

function list(session: SFTPWrapper, folder: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    session.readdir(folder, (error, entries) => {
      if (error === undefined) resolve(entries.map(({ filename }) => filename));
      else reject(error);
    });
  });
}

function done(action: (callback: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    action((error) => (error ? reject(error) : resolve()));
  });
}
