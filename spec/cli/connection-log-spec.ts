/** What `-v` and `-E` tell of a connection to OpenSSH's sshd. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from '@jest/globals';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { type Ended, useCli } from './cli.ts';

const cli = useCli();

describeWithPeer('sshd', 'rxssh -v and -E at OpenSSH sshd', () => {
  const peer = usePeer(() => startSshd());
  beforeAll(() => writeFileSync(cli.file('known'), `${peer().knownHostsLines.join('\n')}\n`));

  const exec = (...more: readonly string[]): Promise<Ended> => {
    const { user, host, port, identityFiles } = peer();
    const route = ['-i', identityFiles[0] ?? '', '-l', user, '-p', String(port)];
    const known = ['-o', `UserKnownHostsFile=${cli.file('known')}`];
    return cli.run(['exec', ...route, ...known, ...more, host, '--', 'echo in']);
  };

  it.each<[string, string[], RegExp[], RegExp]>([
    ['-v', ['-v'], [/key exchange \S+/, /logged in by publickey/], /channel 0/],
    ['-vv', ['-vv'], [/key exchange: idle/, /channel 0 session: open/], /CHANNEL_DATA/],
    ['-vvv', ['-vvv'], [/received \d+ CHANNEL_DATA channel 0, 12 bytes\n/], /5e0000/],
    ['-vvvv', ['-vvvv'], [/12 bytes: 5e00000000 \[7 bytes\]\n/], /696e0a/],
  ])('tells with %s what it tells, and no more', async (_name, flags, shown, hidden) => {
    const { status, stdout, stderr } = await exec(...flags);
    expect([status, stdout.toString()]).toEqual([0, 'in\n']);
    for (const pattern of shown) expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(hidden);
  });

  it('appends it to the file of -E, with times, and leaves stderr alone', async () => {
    const file = cli.file('log');
    const quiet = await exec('-E', file);
    expect([quiet.status, quiet.stderr]).toEqual([0, '']);
    const first = readFileSync(file, 'utf8');
    expect(first).toMatch(/^\d{4}-\S+Z 127\.0\.0\.1 key exchange: proposed\n/);
    expect(first).not.toContain('CHANNEL_DATA');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await exec('-vvv', '-E', file)).stderr).toBe('');
    const both = readFileSync(file, 'utf8');
    expect(both.startsWith(first)).toBe(true);
    expect(both).toContain('CHANNEL_DATA');
  });

  it('says before it connects that the file of -E cannot be written to', async () => {
    const { status, stderr } = await exec('-E', cli.file('none/log'));
    expect(status).toBe(2);
    expect(stderr).toMatch(/^rxssh: -E \S+: .*ENOENT/);
  });
});
