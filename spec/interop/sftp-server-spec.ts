/** Real SFTP clients against our server. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { nodeFileSystem } from '../../src/sftp/file-systems/node-file-system-node.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import {
  SFTP_CLIENTS,
  type SftpClientProgram,
  type SftpRun,
} from '../support/peers/sftp-clients.ts';

const MIB = 1024 * 1024;
/** More than a window, and not a multiple of any block. */
const SIZE = 20 * MIB + 12_345;

/** Clients with symbolic links. */
const LINKING = new Set(['OpenSSH sftp', 'paramiko', 'AsyncSSH', 'curl', 'lftp']);

for (const program of SFTP_CLIENTS) {
  describeWithPeer(program.peer, `${program.name} against our SFTP server`, () => {
    const folder = peerFolder();
    const root = folder.file('root');
    const local = folder.file('local');
    const server = usePeer(async () => {
      mkdirSync(root);
      mkdirSync(local);
      const sftp = sftpServer(nodeFileSystem({ root }));
      const ours = await startOurServer({ subsystems: { sftp } });
      return { ...ours, stop: async () => (folder.remove(), ours.stop()) };
    });
    const run = (script: Parameters<SftpClientProgram['run']>[1]): Promise<SftpRun> =>
      program.run(server(), script, local);

    it('puts and gets a file, whole', async () => {
      const content = randomBytes(SIZE);
      writeFileSync(join(local, 'up'), content);
      expect(await run([['put', 'up', 'there']])).toMatchObject({
        status: 0,
        stderr: expect.anything(),
      });
      expect(sha256(join(root, 'there'))).toBe(sha256(join(local, 'up')));
      expect(await run([['get', 'there', 'down']])).toMatchObject({
        status: 0,
        stderr: expect.anything(),
      });
      expect(sha256(join(local, 'down'))).toBe(sha256(join(local, 'up')));
    }, 60_000);

    it('lists, renames, makes and removes', async () => {
      mkdirSync(join(root, 'work'));
      for (let i = 0; i < 250; i++) writeFileSync(join(root, 'work', `name ${i}`), `${i}`);
      const listed = await run([['ls', 'work']]);
      expect(listed.status).toBe(0);
      for (const name of ['name 0', 'name 17', 'name 249']) expect(listed.stdout).toContain(name);
      const { status } = await run([
        ['mkdir', 'made'],
        ['rename', 'work/name 7', 'made/seven'],
        ['rm', 'work/name 8'],
        ['mkdir', 'empty'],
        ['rmdir', 'empty'],
      ]);
      expect(status).toBe(0);
      expect(readFileSync(join(root, 'made/seven'), 'utf8')).toBe('7');
      expect(readdirSync(join(root, 'work'))).toHaveLength(248);
      expect(readdirSync(root)).not.toContain('empty');
      expect(server().events.filter(({ type }) => type === 'handler-error')).toEqual([]);
    }, 60_000);

    if (LINKING.has(program.name)) {
      it('makes symbolic links that lead where it says (SS15)', async () => {
        writeFileSync(join(root, 'target'), '');
        expect(await run([['ln -s', 'target', 'link']])).toMatchObject({ status: 0 });
        expect(readlinkSync(join(root, 'link'))).toBe('target');
      });
    }

    it('keeps its files to itself', async () => {
      writeFileSync(folder.file('outside'), 'secret');
      await run([['get', '../outside', 'stolen']]);
      // some make the file before they ask
      const stolen = readdirSync(local).filter((name) => name === 'stolen');
      expect(stolen.map((name) => readFileSync(join(local, name), 'utf8')).join('')).toBe('');
    }, 60_000);
  });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
