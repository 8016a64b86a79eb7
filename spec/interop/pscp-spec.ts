/** PuTTY's pscp against our server: by SFTP, and by scp's own protocol. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { scpServer } from '../../src/sftp/scp/scp-server.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { fingerprintOf, withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';

/** More than a window, and not a multiple of any block. */
/** More than the clients ask for at once. */
const SIZE = 24 * 1024 * 1024 + 17;

for (const mode of ['-sftp', '-scp']) {
  describeWithPeer('plink', `pscp ${mode} against our server`, () => {
    const folder = peerFolder();
    const root = folder.file('root');
    const local = folder.file('local');
    const server = usePeer(async () => {
      for (const each of [root, local]) mkdirSync(each);
      const files = nodeFileSystem({ root });
      const ours = await startOurServer({
        subsystems: { sftp: sftpServer(files) },
        exec: scpServer(files),
      });
      return { ...ours, stop: async () => (folder.remove(), ours.stop()) };
    });

    /** Runs pscp; `:` in front of a path is the server. */
    function pscp(...words: readonly string[]): Promise<{ status: unknown; stderr: string }> {
      const to = withKey(server());
      const key = folder.file('key.ppk');
      const convert = [to.identityFile ?? '', '-O', 'private', '-o', key];
      execFileSync('puttygen', convert, { stdio: 'ignore' });
      const args = [
        ...[mode, '-batch', '-noagent', '-q', '-P', String(to.port), '-i', key],
        ...to.knownHostsLines.flatMap((line) => ['-hostkey', fingerprintOf(line)]),
        ...words.map((word) => word.replace(/^:/, `${to.user}@${to.host}:`)),
      ];
      const env = { ...process.env, HOME: folder.file('.') };
      return new Promise((resolve) => {
        execFile('pscp', args, { cwd: local, env, timeout: 30_000 }, (error, _, stderr) =>
          resolve({ status: error === null ? 0 : error.code, stderr }),
        );
      });
    }

    it('copies a file and a tree both ways', async () => {
      mkdirSync(join(local, 'tree/deep/er'), { recursive: true });
      const files = { up: randomBytes(SIZE), 'tree/empty': '', 'tree/deep/er/a b': 'in it' };
      for (const [name, content] of Object.entries(files))
        writeFileSync(join(local, name), content);
      expect(await pscp('up', ':/there')).toEqual({ status: 0, stderr: '' });
      expect(await pscp('-r', 'tree', ':/')).toEqual({ status: 0, stderr: '' });
      expect(await pscp(':/there', 'down')).toEqual({ status: 0, stderr: '' });
      mkdirSync(join(local, 'back'));
      expect(await pscp('-r', ':/tree', 'back')).toEqual({ status: 0, stderr: '' });
      const pairs = [
        ['up', 'down'],
        ['tree/empty', 'back/tree/empty'],
        ['tree/deep/er/a b', 'back/tree/deep/er/a b'],
      ] as const;
      for (const [from, to] of pairs)
        expect(readFileSync(join(local, to)).equals(readFileSync(join(local, from)))).toBe(true);
      expect(readFileSync(join(root, 'there')).equals(readFileSync(join(local, 'up')))).toBe(true);
    }, 60_000);

    it('says what is not there', async () => {
      const ended = await pscp(':/missing', 'stolen');
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(/missing.*no such file/i);
    });
  });
}
