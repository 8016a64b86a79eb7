/** SFTP of rxssh. */
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { count, defer, lastValueFrom, type Observable } from 'rxjs';
import { sftp, type SftpClient, toNodeReadable } from 'rxssh';
import { checkBytes, LARGE, type FileTransfer, type SftpBenchClient } from '../task.ts';
import { connectTo } from './rxssh-connect.ts';

export const sftpWork: SftpBenchClient['sftp'] = async (task, work) => {
  const run = <T>(project: (fs: SftpClient) => Observable<T>): Promise<T | undefined> =>
    lastValueFrom(connectTo(task).pipe(sftp(project)), { defaultValue: undefined });
  switch (work.kind) {
    case 'sftp-file':
      await run((fs) => (work.way === 'copy' ? copy(fs, work) : stream(fs, work)));
      break;
    case 'sftp-files': {
      const { direction, remote, local, atOnce } = work;
      const options = { recursive: true, concurrency: atOnce };
      await run((fs) =>
        direction === 'get' ? fs.get(remote, local, options) : fs.put(local, remote, options),
      );
      break;
    }
    case 'sftp-list': {
      const entries = await run((fs) => fs.list(work.remote).pipe(count()));
      checkBytes(entries ?? 0, work.count);
    }
  }
};

function copy(fs: SftpClient, { direction, remote, local }: FileTransfer): Observable<unknown> {
  return direction === 'get' ? fs.get(remote, local) : fs.put(local, remote);
}

function stream(fs: SftpClient, { direction, remote, local }: FileTransfer): Observable<unknown> {
  if (direction === 'put') return fs.write(remote).pump(createReadStream(local, LARGE));
  return defer(() => pipeline(toNodeReadable(fs.read(remote)), createWriteStream(local, LARGE)));
}
