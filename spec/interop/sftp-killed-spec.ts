/** A client of our SFTP server that is killed in the middle of its work. */
import { spawn } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { filter, firstValueFrom, interval, merge, switchMap, take, throwError, timer } from 'rxjs';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { withKey } from '../support/peers/clients.ts';
import { type OurServer, startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { opensshOptions } from '../support/peers/sftp-clients.ts';

const GIB = 1024 * 1024 * 1024;
const DEADLINE_MS = 20_000;

/** Looks until it is so. */
function eventually(isSo: () => boolean): Promise<unknown> {
  const late$ = timer(DEADLINE_MS).pipe(switchMap(() => throwError(() => new Error('too late'))));
  return firstValueFrom(merge(interval(5).pipe(filter(isSo)), late$).pipe(take(1)));
}

describeWithPeer('ssh', 'OpenSSH sftp that is killed while it puts 1 GiB', () => {
  const folder = peerFolder();
  const root = folder.file('root');
  let ours: OurServer;
  const server = usePeer(async () => {
    mkdirSync(root);
    const sftp = sftpServer(nodeFileSystem({ root }));
    ours = await startOurServer({ subsystems: { sftp } });
    return { ...ours, stop: async () => (folder.remove(), ours.stop()) };
  });

  /** Files of the root that this process has open. */
  const openFiles = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        const path = readlinkSync(`/proc/self/fd/${fd}`);
        return path.startsWith(root) ? [path] : [];
      } catch {
        return [];
      }
    });

  it('leaves no file open, and a part of it on the disk (SS16)', async () => {
    const source = openSync(folder.file('source'), 'w');
    ftruncateSync(source, GIB);
    closeSync(source);
    const to = withKey(server());
    const words = [...opensshOptions(to, folder.file), '-b', '-', `${to.user}@${to.host}`];
    const env = { ...process.env, SSH_AUTH_SOCK: '' };
    const client = spawn('sftp', words, { env, stdio: ['pipe', 'ignore', 'ignore'] });
    const gone = new Promise((resolve) => client.once('exit', (_, signal) => resolve(signal)));
    client.stdin.end(`put "${folder.file('source')}" big\n`);

    const big = join(root, 'big');
    const hasBegun = (): boolean => (statSync(big, { throwIfNoEntry: false })?.size ?? 0) > 0;
    await eventually(hasBegun);
    expect(openFiles()).toEqual([big]);
    client.kill('SIGKILL');
    expect(await gone).toBe('SIGKILL');

    await eventually(() => ours.events.at(-1)?.type === 'closed');
    await eventually(() => openFiles().length === 0);
    const { size } = statSync(big);
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(GIB);
  }, 60_000);
});
