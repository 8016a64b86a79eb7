/** OpenSSH's scp against our server: by SFTP, and by its own protocol (-O). */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { scpServer } from '../../src/sftp/scp/scp-server.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { opensshOptions } from '../support/peers/sftp-clients.ts';

/** More than the clients ask for at once. */
const SIZE = 24 * 1024 * 1024 + 17;

for (const mode of ['-s', '-O']) {
  describeWithPeer('ssh', `scp ${mode} against our server`, () => {
    const folder = peerFolder();
    const root = folder.file('root');
    const local = folder.file('local');
    const server = usePeer(async () => {
      mkdirSync(root);
      mkdirSync(local);
      const served = nodeFileSystem({ root });
      const ours = await startOurServer({
        subsystems: { sftp: sftpServer(served) },
        exec: scpServer(served),
      });
      return { ...ours, stop: async () => (folder.remove(), ours.stop()) };
    });

    /** Runs scp; `:` in front of a path is the server. */
    function scp(...words: readonly string[]): Promise<{ status: number; stderr: string }> {
      const to = withKey(server());
      const remote = `${to.user}@${to.host}:`;
      const args = [
        mode,
        ...opensshOptions(to, folder.file),
        ...words.map((word) => word.replace(/^:/, remote)),
      ];
      return new Promise((resolve) => {
        const env = { ...process.env, SSH_AUTH_SOCK: '' };
        execFile('scp', args, { cwd: local, env, timeout: 30_000 }, (error, _, stderr) =>
          resolve({
            status: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
            stderr,
          }),
        );
      });
    }

    it('copies a file both ways, with time and mode', async () => {
      writeFileSync(join(local, 'up'), randomBytes(SIZE), { mode: 0o640 });
      utimesSync(join(local, 'up'), 1000, 2000);
      expect(await scp('-p', 'up', ':/there')).toEqual({ status: 0, stderr: '' });
      expect(sha256(join(root, 'there'))).toBe(sha256(join(local, 'up')));
      expect(statSync(join(root, 'there'))).toMatchObject({ mtimeMs: 2_000_000, mode: 0o100640 });
      expect(await scp('-p', ':there', 'down')).toEqual({ status: 0, stderr: '' });
      expect(sha256(join(local, 'down'))).toBe(sha256(join(local, 'up')));
      expect(statSync(join(local, 'down'))).toMatchObject({ mtimeMs: 2_000_000, mode: 0o100640 });
    });

    it('copies a tree both ways, with an empty file and names of all kinds', async () => {
      mkdirSync(join(local, 'tree/deep/er'), { recursive: true });
      const files = [
        'tree/empty',
        'tree/a b',
        "tree/deep/it's",
        'tree/deep/er/$(touch x);`y`',
        'tree/deep/er/ü',
      ];
      for (const file of files)
        writeFileSync(join(local, file), file.endsWith('empty') ? '' : file);
      expect(await scp('-r', 'tree', ':/')).toEqual({ status: 0, stderr: '' });
      for (const file of files) expect(sha256(join(root, file))).toBe(sha256(join(local, file)));
      expect(await scp('-r', ':/tree', 'back')).toEqual({ status: 0, stderr: '' });
      for (const file of files)
        expect(sha256(join(local, file.replace('tree', 'back')))).toBe(sha256(join(local, file)));
      expect(await scp('-r', 'tree', ':/made')).toEqual({ status: 0, stderr: '' });
      expect(readdirSync(join(root, 'made')).sort()).toEqual(['a b', 'deep', 'empty']);
    });

    it('tells of what is not there, and copies the rest', async () => {
      writeFileSync(join(root, 'one'), '1');
      writeFileSync(join(root, 'two'), '2');
      mkdirSync(join(local, 'into'));
      const ended = await scp(':/one', ':/missing', ':/two', 'into');
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(/missing.*No such file/);
      expect(readdirSync(join(local, 'into'))).toEqual(['one', 'two']);
      const refused = await scp('up', ':/none/there');
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/No such file/);
    });

    it('stays below its root', async () => {
      writeFileSync(folder.file('outside'), 'secret');
      symlinkSync(folder.file(''), join(root, 'out'));
      expect(await scp(':/out/outside', 'stolen')).toMatchObject({ status: 1 });
      expect(await scp(':../outside', 'stolen')).toMatchObject({ status: 1 });
      expect(existsSync(join(local, 'stolen'))).toBe(false);
      await scp('up', ':/out/planted');
      expect(existsSync(folder.file('planted'))).toBe(false);
    });
  });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
