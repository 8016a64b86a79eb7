/** Our SFTP client against OpenSSH's sftp-server. */
import {
  chmodSync,
  openSync,
  closeSync,
  ftruncateSync,
  writeSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { concat, count, map, mergeMap, take } from 'rxjs';
import type { SftpClient } from '../../src/node.ts';
import { digestOfPattern, patternOf } from '../support/peers/ours.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import {
  describeSftpCases,
  hashed,
  hashOf,
  onSftp,
  sftpFolder,
} from '../support/peers/sftp-cases.ts';
import { keyChanges, startSshd } from '../support/peers/sshd.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const TIMEOUT_MS = 120_000;

describeWithPeer('sshd', 'OpenSSH sftp-server', () => {
  const peer = usePeer(() => startSshd());
  let folder: ReturnType<typeof sftpFolder>;
  const at = (name: string): string => join(folder.path, name);
  beforeAll(() => {
    folder = sftpFolder();
  });
  afterAll(() => folder.remove());

  describeSftpCases(peer, { amount: 100 * MIB });

  it('is used with requests as large as it takes', async () => {
    const [limits] = await onSftp(peer(), (fs) => [fs.limits]);
    expect(limits).toMatchObject({ readLength: 255 * 1024, writeLength: 255 * 1024 });
  });

  it('reads and writes beyond 5 GiB in a file with holes', async () => {
    const path = at('sparse');
    const file = openSync(path, 'w');
    ftruncateSync(file, 5 * GIB);
    writeSync(file, 'the end', 5 * GIB);
    closeSync(file);
    chmodSync(path, 0o666);
    const start = 5 * GIB - 3;
    const seen = await onSftp(peer(), (fs) =>
      concat(
        fs.stat(path).pipe(map(({ size }) => size)),
        fs.readFile(path, { start }).pipe(map((bytes) => Buffer.from(bytes).toString())),
        fs.writeFile(path, 'THE END, far out', { flags: 'r+', start: 6 * GIB }),
        fs
          .readFile(path, { start: 6 * GIB + 4, end: 6 * GIB + 7 })
          .pipe(map((bytes) => Buffer.from(bytes).toString())),
      ),
    );
    expect(seen).toEqual([5 * GIB + 7, '\0\0\0the end', 'END']);
    expect(statSync(path).size).toBe(6 * GIB + 16);
  });

  it(
    'goes on through new keys in the middle of a transfer',
    async () => {
      const amount = 30 * MIB;
      const path = at('rekeyed');
      const before = keyChanges(peer());
      const rekey = { rekey: { bytes: 2 * MIB } };
      await onSftp(peer(), (fs) => fs.write(path).pump(patternOf(amount)), rekey);
      const { sha256 } = digestOfPattern(amount);
      expect(hashOf(path)).toBe(sha256);
      expect(await onSftp(peer(), (fs) => hashed(fs.read(path)), rekey)).toEqual([sha256]);
      expect(keyChanges(peer()) - before).toBeGreaterThan(20);
    },
    TIMEOUT_MS,
  );

  it('reads what says that it is empty, and is not', async () => {
    const [text] = await onSftp(peer(), (fs) =>
      fs.readFile('/proc/self/status').pipe(map((bytes) => Buffer.from(bytes).toString())),
    );
    expect(text).toMatch(/^Name:\tsftp-server/);
  });

  it('has its extensions', async () => {
    writeFileSync(at('e'), 'extension');
    chmodSync(at('e'), 0o666);
    const one = (fs: SftpClient): unknown =>
      concat(
        fs.hardlink(at('e'), at('e2')),
        fs.posixRename(at('e2'), at('e3')),
        fs.copy(at('e3'), at('e4')),
        fs
          .open(at('e4'), 'r+')
          .pipe(
            mergeMap((file) =>
              concat(
                file.fsync(),
                file.statvfs().pipe(map(({ blocks }) => blocks > 0n)),
                file.close(),
              ),
            ),
          ),
        fs.statvfs(folder.path).pipe(map(({ nameMax }) => nameMax)),
        fs.symlink('e4', at('l')),
        fs.lsetstat(at('l'), { atime: 5, mtime: 6 }),
        fs.lstat(at('l')).pipe(map(({ mtime }) => mtime)),
        fs.usersGroupsById([0, 4_000_000], [0]),
        fs.homeDirectory(peer().user).pipe(map(({ text }) => text)),
        fs.expandPath(`~${peer().user}/x`).pipe(map(({ text }) => text)),
      );
    const seen = await onSftp(peer(), one as (fs: SftpClient) => unknown[]);
    expect(seen).toEqual([
      ...[9, true, 255n, 6],
      { users: ['root', ''], groups: ['root'] },
      expect.stringMatching(/^\//),
      expect.stringMatching(/^\/.+\/x$/),
    ]);
    expect(readFileSync(at('e4'), 'utf8')).toBe('extension');
  });

  it('does not copy a file onto itself, whatever it is called', async () => {
    writeFileSync(at('self'), 'precious');
    chmodSync(at('self'), 0o666);
    const other = `${folder.path}/./../${folder.path.split('/').at(-1) ?? ''}/self`;
    await expect(onSftp(peer(), (fs) => fs.copy(at('self'), other))).rejects.toMatchObject({
      kind: 'config',
    });
    expect(readFileSync(at('self'), 'utf8')).toBe('precious');
  });

  it(
    'lists ten thousand entries, or the first ten of them',
    async () => {
      mkdirSync(at('many'));
      for (let n = 0; n < 10_000; n++) writeFileSync(join(at('many'), `file ${n}`), '');
      const counts = await onSftp(peer(), (fs) =>
        concat(
          fs.list(at('many')).pipe(count()),
          fs.list(at('many')).pipe(take(10), count()),
          fs.readFile('/etc/hostname').pipe(map(() => 'goes on')),
        ),
      );
      expect(counts).toEqual([10_000, 10, 'goes on']);
    },
    TIMEOUT_MS,
  );
});

describeWithPeer('sshd', 'An account whose shell talks (SC13)', () => {
  const peer = usePeer(() =>
    startSshd({ config: ['ForceCommand echo Welcome, friend; exec /usr/lib/openssh/sftp-server'] }),
  );

  it('is named in the error with what it says', async () => {
    await expect(onSftp(peer(), (fs) => fs.realpath('.'))).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringContaining('it says "Welcome, friend\\x0a'),
    });
  });
});
