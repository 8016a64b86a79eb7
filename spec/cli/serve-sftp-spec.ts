/** `rxssh serve --sftp-root`, with OpenSSH's sftp on the other side. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { describeWithPeer } from '../support/peers/peer.ts';
import { useCli, useServer } from './cli.ts';

const cli = useCli();
const exec = promisify(execFile);

/** Runs one command of sftp; gives what it said, with its status behind. */
async function sftp(server: ReturnType<typeof useServer>, command: string): Promise<string> {
  const { host, key } = server();
  const [, name = '', port = ''] = /^(.*):(\d+)$/.exec(host) ?? [];
  writeFileSync(cli.file('batch'), `${command}\n`);
  const options = ['-F', 'none', '-P', port, '-i', key, '-b', cli.file('batch')];
  const trust = [
    'StrictHostKeyChecking=no',
    `UserKnownHostsFile=${cli.file('kh')}`,
    'IdentitiesOnly=yes',
  ];
  try {
    const words = [...options, ...trust.flatMap((each) => ['-o', each]), name];
    const { stdout } = await exec('sftp', words, {
      cwd: cli.file('.'),
      env: { ...process.env, SSH_AUTH_SOCK: '' },
    });
    return stdout;
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}

describeWithPeer('ssh', 'rxssh serve --sftp-root', () => {
  const server = useServer(cli, () => {
    mkdirSync(cli.file('served'));
    writeFileSync(cli.file('served/a'), 'hello');
    return ['--sftp-root', cli.file('served')];
  });

  it('serves the files below the folder, both ways', async () => {
    await sftp(server, 'get a got');
    expect(readFileSync(cli.file('got'), 'utf8')).toBe('hello');
    await sftp(server, 'put got b');
    expect(readdirSync(cli.file('served'))).toEqual(['a', 'b']);
    expect(await sftp(server, 'get ../kh stolen')).toContain('not found');
  });

  it('runs no commands', async () => {
    const ended = await cli.run(['exec', ...server().options, server().host, '--', 'echo in']);
    expect(ended.status).toBe(255);
  });
});

describeWithPeer('ssh', 'rxssh serve --sftp-root --read-only', () => {
  const server = useServer(cli, () => {
    mkdirSync(cli.file('kept'));
    writeFileSync(cli.file('kept/a'), 'hello');
    return ['--sftp-root', cli.file('kept'), '--read-only'];
  });

  it('lets nothing be changed', async () => {
    await sftp(server, 'get a got2');
    expect(readFileSync(cli.file('got2'), 'utf8')).toBe('hello');
    for (const command of ['put got2 b', 'rm a', 'mkdir c', 'rename a d', 'chmod 777 a'])
      expect([command, await sftp(server, command)]).toEqual([
        command,
        expect.stringMatching(/denied|Read-only/i),
      ]);
    expect(readdirSync(cli.file('kept'))).toEqual(['a']);
  });
});

it('mistakes are told', async () => {
  for (const [args, said] of [
    [['--read-only'], 'serve: --read-only needs --sftp-root DIR'],
    [['--sftp-root', '/no/such/folder'], '--sftp-root: the root cannot be used'],
  ] as const) {
    const login = ['--user', 'me', '--password', 'x', '--listen', '127.0.0.1:0'];
    const ended = await cli.run(['serve', ...login, ...args]);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(said) });
  }
});
