/** Real clients against our server, with real processes behind it. */
import { expect, it } from '@jest/globals';
import { noise, sha256 } from '../support/noise.ts';
import { CLIENTS, openssh, runClient, withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { catBySsh2 } from '../support/peers/ssh2-client.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';

const MIB = 1024 * 1024;

for (const client of CLIENTS) {
  describeWithPeer(client.peer, `${client.name} against our server`, () => {
    const server = usePeer(() => startOurServer());

    it('runs a command', async () => {
      const run = await runClient(client, withKey(server()), 'cat; echo err >&2; exit 7', {
        stdin: Buffer.from('hello'),
      });
      expect({ ...run, stdout: run.stdout.toString() }).toMatchObject({
        status: 7,
        stdout: 'hello',
        stderr: expect.stringContaining('err'),
      });
    });

    it('sends and receives 100 MiB', async () => {
      const stdin = noise(100 * MIB);
      const run = await runClient(client, withKey(server()), 'cat', { stdin });
      expect(run.status).toBe(0);
      expect(sha256(run.stdout)).toBe(sha256(stdin));
    });

    it('logs in by password, and not by another', async () => {
      const { host, port, user, password, knownHostsLines } = server();
      const to = { host, port, user, knownHostsLines };
      const right = await runClient(client, { ...to, password: password ?? '' }, 'echo in');
      expect(right).toMatchObject({ status: 0, stdout: Buffer.from('in\n') });
      const wrong = await runClient(client, { ...to, password: 'wrong' }, 'echo in');
      expect(wrong.stdout.toString()).toBe('');
    });
  });
}

describeWithPeer('npm', 'npm ssh2 against our server', () => {
  const server = usePeer(() => startOurServer());

  it('sends and receives 100 MiB', async () => {
    const stdin = noise(100 * MIB);
    expect(sha256(await catBySsh2(server(), Buffer.from(stdin)))).toBe(sha256(stdin));
  });
});

describeWithPeer('ssh', 'OpenSSH ssh, in detail', () => {
  const server = usePeer(() => startOurServer({ acceptEnv: ['LC_*'] }));

  it.each([
    ['exit 0', 0, ''],
    ['exit 255', 255, ''],
    ['exec no-such-command', 127, 'not found'],
    ['kill -KILL $$', 255, ''],
  ])('%s', async (command, status, stderr) => {
    const run = await runClient(openssh, withKey(server()), command);
    expect(run).toMatchObject({ status, stderr: expect.stringContaining(stderr) });
    const exit = server()
      .events.filter((event) => event.type === 'exit')
      .at(-1);
    expect(exit).toHaveProperty('exit.kind', command.startsWith('kill') ? 'signal' : 'status');
  });

  it('sends variables, of which the allowed ones arrive', async () => {
    const more = ['-o', 'SetEnv=LC_ANSWER=42 BASH_ENV=/x'];
    const run = await runClient(openssh, withKey(server()), 'echo "$LC_ANSWER,$BASH_ENV"', {
      more,
    });
    expect(run.stdout.toString()).toBe('42,\n');
  });

  it('is refused a terminal', async () => {
    const run = await runClient(openssh, withKey(server()), 'echo on', { more: ['-tt'] });
    expect(run.status).toBe(255);
    expect(run.stderr).toContain('PTY allocation request failed');
  });

  it('changes keys under way, by its own limit and by ours', async () => {
    const eager = await startOurServer({ rekey: { bytes: MIB } });
    const stdin = noise(4 * MIB);
    for (const to of [server(), eager]) {
      const run = await runClient(openssh, withKey(to), 'cat', { stdin, rekeyBytes: 300_000 });
      expect(sha256(run.stdout)).toBe(sha256(stdin));
    }
    await eager.stop();
  });
});
