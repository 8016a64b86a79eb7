/** OpenSSH's sftp on a file system that has nothing that may be left out. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { SftpFile, SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { sftpServer } from '../../src/sftp/server/sftp-server.ts';
import { statusError, StatusCode } from '../../src/sftp/status.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { SFTP_CLIENTS, type SftpRun, type SftpStep } from '../support/peers/sftp-clients.ts';

/** Files by their paths, and only `open` and `stat`. */
class Files implements SftpFileSystem {
  readonly contents = new Map<string, Buffer>();

  async open({ text }: { text: string }, flags: { create: boolean }): Promise<SftpFile> {
    if (flags.create) this.contents.set(text, Buffer.alloc(0));
    await this.stat({ text });
    return {
      read: async (into, position) => {
        const part = this.#of(text).subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      write: async (bytes, position) => {
        const before = this.#of(text);
        const after = Buffer.alloc(Math.max(before.length, position + bytes.length));
        before.copy(after);
        after.set(bytes, position);
        this.contents.set(text, after);
      },
      stat: async () => this.stat({ text }),
      setstat: async () => undefined,
      close: async () => undefined,
    };
  }

  async stat({ text }: { text: string }): Promise<{ size?: number; permissions: number }> {
    if (text === '/') return { permissions: 0o040755 };
    if (!this.contents.has(text)) throw statusError(StatusCode.NO_SUCH_FILE, 'stat');
    return { size: this.#of(text).length, permissions: 0o100644 };
  }

  #of(path: string): Buffer {
    return this.contents.get(path) ?? Buffer.alloc(0);
  }
}

describeWithPeer('ssh', 'OpenSSH sftp on a file system of open and stat alone', () => {
  const folder = peerFolder();
  const files = new Files();
  const server = usePeer(async () => {
    mkdirSync(folder.file('local'));
    const ours = await startOurServer({ subsystems: { sftp: sftpServer(files) } });
    return { ...ours, stop: async () => (folder.remove(), ours.stop()) };
  });
  const openssh = SFTP_CLIENTS.find(({ name }) => name === 'OpenSSH sftp');
  const run = (...script: SftpStep[]): Promise<SftpRun> | undefined =>
    openssh?.run(server(), script, folder.file('local'));

  it('puts, gets and lists a file', async () => {
    const content = 'lorem ipsum '.repeat(20_000);
    writeFileSync(join(folder.file('local'), 'up'), content);
    const ended = await run(['put', 'up', 'there'], ['get', 'there', 'down'], ['ls', 'there']);
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\/?there\s*$/m) });
    expect(files.contents.get('/there')?.toString()).toBe(content);
    expect(readFileSync(join(folder.file('local'), 'down'), 'utf8')).toBe(content);
  });

  it('says what it does not do', async () => {
    const asked: readonly SftpStep[] = [
      ...([
        ['ls', '/'],
        ['rm', 'there'],
        ['mkdir', 'd'],
        ['rmdir', 'd'],
      ] as const),
      ...([
        ['rename', 'there', 'x'],
        ['ln -s', 'there', 'x'],
      ] as const),
    ];
    for (const step of asked) {
      const ended = await run(step);
      expect([step[0], ended?.status]).toEqual([step[0], 1]);
      expect(ended?.stderr).toMatch(/unsupported|does not support/i);
    }
  });
});
