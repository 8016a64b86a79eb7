/** sshfs on our server: a kernel that asks for everything, in every order. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { opensshOptions } from '../support/peers/sftp-clients.ts';

const run = promisify(execFile);

/** It goes on in the background, and would hold pipes open. */
function mount(args: readonly string[]): Promise<void> {
  const sshfs = spawn('sshfs', args, { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    sshfs.once('error', reject);
    sshfs.once('exit', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`sshfs: ${String(status)}`));
    });
  });
}

/** FUSE wants its device, and a kernel that lets this process mount. */
const canMount = spawnSync('sh', ['-c', 'test -w /dev/fuse && unshare -m true']).status === 0;

if (canMount) {
  describeWithPeer('sshfs', 'sshfs on our server', () => {
    const folder = peerFolder();
    const mounted = folder.file('mounted');
    const server = usePeer(async () => {
      mkdirSync(folder.file('root'));
      mkdirSync(mounted);
      const sftp = sftpServer(nodeFileSystem({ root: folder.file('root') }));
      const ours = await startOurServer({ subsystems: { sftp } });
      return {
        ...ours,
        stop: async () => {
          await run('fusermount3', ['-u', '-z', mounted]).catch(() => undefined);
          await ours.stop();
          folder.remove();
        },
      };
    });

    it('works as a folder does', async () => {
      const to = withKey(server());
      const words = opensshOptions(to, folder.file).map((word) => (word === '-P' ? '-p' : word));
      const options = words.filter((word) => word !== '-F' && word !== 'none');
      const identity = options.flatMap((word, index) =>
        options[index - 1] === '-i' ? ['-o', `IdentityFile=${word}`] : word === '-i' ? [] : [word],
      );
      await mount([...identity, `${to.user}@${to.host}:/`, mounted]);
      const script = `
        set -e
        cd "$1"
        echo one > a; mkdir -p d/e; mv a d/e/b; ln -s e/b d/l
        test "$(cat d/l)" = one
        echo two >> d/e/b; truncate -s 6 d/e/b; chmod 600 d/e/b
        test "$(stat -c '%s %a' d/e/b)" = '6 600'
        cp -r d copy; diff -r d copy
        dd if=/dev/urandom of=noise bs=4k count=700 2>&1 | tail -1
        dd if=noise of=again bs=7k 2>&1 | tail -1
        cmp noise again
        dd if=/dev/zero of=noise bs=1k seek=100 count=3 conv=notrunc 2>&1 | tail -1
        dd if=/dev/zero of=again bs=1k seek=100 count=3 conv=notrunc 2>&1 | tail -1
        cmp noise again
        i=0; while [ $i -lt 150 ]; do echo $i > d/f$i; i=$((i+1)); done
        test "$(ls d | wc -l)" = 152
        mv noise again; test ! -e noise
        df . > /dev/null
        rm -r d copy again
        test -z "$(ls)"
        echo done > last
      `;
      // not as its cwd: a process is started when its folder has answered, and until then this one waits
      const { stderr } = await run('sh', ['-c', script, 'sh', mounted], { timeout: 50_000 });
      expect(stderr).toBe('');
      expect(readFileSync(folder.file('root/last'), 'utf8')).toBe('done\n');
    }, 60_000);
  });
} else {
  describe.skip('sshfs on our server (skipped: nothing can be mounted here)', () => {
    it('works as a folder does', () => undefined);
  });
}
