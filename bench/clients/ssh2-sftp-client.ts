/** npm ssh2-sftp-client: ssh2 with promises, for people. */
import { mkdirSync, readdirSync, createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import SftpClient from 'ssh2-sftp-client';
import { eachOf } from '../each-of.ts';
import { checkBytes, LARGE, type SftpBenchClient, type Transfer } from '../task.ts';
import { configuration, dial } from './ssh2-login.ts';

export const client: SftpBenchClient = {
  async sftp(task, work) {
    const session = new SftpClient();
    await session.connect({ ...configuration(task), sock: await dial(task.server) });
    switch (work.kind) {
      case 'sftp-file':
        await (work.way === 'copy' ? copy(session, work) : stream(session, work));
        break;
      case 'sftp-files': {
        const { direction, remote, local } = work;
        const names = direction === 'get' ? await list(session, remote) : readdirSync(local);
        if (direction === 'get') mkdirSync(local);
        else await session.mkdir(remote);
        await eachOf(names, work.atOnce, (name) =>
          copy(session, { direction, remote: `${remote}/${name}`, local: join(local, name) }),
        );
        break;
      }
      case 'sftp-list':
        checkBytes((await list(session, work.remote)).length, work.count);
    }
    await session.end();
  },
};

async function copy(session: SftpClient, { direction, remote, local }: Transfer): Promise<void> {
  if (direction === 'get') await session.fastGet(remote, local);
  else await session.fastPut(local, remote);
}

async function stream(session: SftpClient, { direction, remote, local }: Transfer): Promise<void> {
  if (direction === 'get') await session.get(remote, createWriteStream(local, LARGE));
  else await session.put(createReadStream(local, LARGE), remote);
}

async function list(session: SftpClient, folder: string): Promise<readonly string[]> {
  const entries = await session.list(folder);
  return entries.map(({ name }) => name);
}
