/** The commands that move files, against OpenSSH's sshd and sftp-server. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { describeWithPeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { type Ended, useCli } from './cli.ts';
import { useHost } from './sftp-host.ts';

const cli = useCli();

describeWithPeer('sshd', 'files at OpenSSH sshd', () => {
  // the test account goes there too
  const root = mkdtempSync(join(tmpdir(), 'rxssh-remote-'));
  const host = useHost(
    cli,
    () => join(root, 'files'),
    () => {
      chmodSync(root, 0o755);
      return startSshd();
    },
  );
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const at = (name: string): string => `${host().name}:${host().file(name)}`;
  const local = (name: string): string => cli.file(`local/${name}`);
  const run = (command: string, ...args: readonly string[]): Promise<Ended> => {
    chmodSync(host().file(''), 0o777);
    return cli.run([command, ...host().options, ...args]);
  };
  const silent = { status: 0, stderr: '' };

  it('are listed, with the names of their owners', async () => {
    writeFileSync(host().file('a\u001b[2J'), 'abc');
    const ended = await run('ls', '--long', at('a*'));
    expect(ended.stdout.toString()).toMatch(/^-rw-r--r-- .* root +root +3 .*\/a\\x1b\[2J\n$/);
    expect(ended).toMatchObject(silent);
  });

  it('are put and got, trees too', async () => {
    mkdirSync(local('tree/sub'), { recursive: true });
    writeFileSync(local('tree/sub/large'), randomBytes(20_000_000));
    for (let index = 0; index < 100; index++)
      writeFileSync(local(`tree/f${String(index)}`), randomBytes(index * 100));
    expect(await run('put', '-r', '--preserve', local('tree'), at(''))).toMatchObject(silent);
    expect(await run('get', '-r', '--preserve', at('tree'), local('back'))).toMatchObject(silent);
    for (const name of [...readdirSync(local('tree')), 'sub/large'].filter((n) => n !== 'sub')) {
      expect(readFileSync(local(`back/${name}`)).equals(readFileSync(local(`tree/${name}`)))).toBe(
        true,
      );
      const times = ['tree', 'back'].map((f) =>
        Math.floor(statSync(local(`${f}/${name}`)).mtimeMs / 1000),
      );
      expect(times[0]).toBe(times[1]);
    }
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('are not left in pieces at %s', async (signal) => {
    chmodSync(host().file(''), 0o777);
    writeFileSync(local('large'), randomBytes(64_000_000));
    const running = cli.start(['put', ...host().options, '--json', local('large'), at('large')]);
    await running.printed(/"state":"running"/);
    running.child.kill(signal);
    await running.ended;
    expect(readdirSync(host().file(''))).toEqual([]);
  });

  it('are managed in a batch', async () => {
    chmodSync(host().file(''), 0o777);
    const ended = await cli.run(['sftp', '-b', '-', ...host().options, host().name], {
      stdin: [
        `cd ${host().file('')}`,
        'mkdir -p a/b',
        'lcd local',
        '!echo text > file',
        'put file a',
        'rename a/file a/b/file',
        'ln -s b/file a/link',
        'chmod 640 a/b/file',
        '@ls -1 a',
        'df',
        'get a/link got',
        'rm -r a',
      ].join('\n'),
    });
    expect(ended).toMatchObject(silent);
    expect(ended.stdout.toString()).toContain('\nb\nlink\n');
    expect(readFileSync(local('got'), 'utf8')).toBe('text\n');
    expect(readdirSync(host().file(''))).toEqual([]);
  });
});
