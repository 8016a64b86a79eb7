import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { poll } from '../support/peers/peer.ts';
import { type Started, useCli, useServer } from './cli.ts';

const cli = useCli();
const server = useServer(cli, ['--banner', 'hello \u001b[31mPassword:', '-o', 'AcceptEnv=A_*']);

const serve = (...args: readonly string[]): Started =>
  cli.start(['serve', '--listen', '127.0.0.1:0', ...args], { isOpen: true });

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false));
  });

/** Where the optional dependency is not installed. */
const WITHOUT_TERMINALS = `
const Module = require('node:module');
const resolve = Module._resolveFilename;
Module._resolveFilename = (name, ...more) => {
  if (name === '@lydell/node-pty') throw new Error('not installed');
  return resolve(name, ...more);
};
`;

describe('rxssh serve', () => {
  it('tells its person when it lets nobody do anything', async () => {
    for (const [more, isTold] of [
      [[], true],
      [['-q'], false],
      [['--allow-exec'], false],
    ] as const) {
      const started = serve('--user', 'me', '--password', 'right', ...more);
      await started.printed(/^listening on /);
      started.child.kill('SIGTERM');
      const { stderr } = await started.ended;
      expect(stderr.includes('clients can log in and do nothing')).toBe(isTold);
    }
  });

  it('tells with -v when there are no terminals', async () => {
    const without = cli.file('without.cjs');
    writeFileSync(without, WITHOUT_TERMINALS);
    for (const [env, isTold] of [
      [{}, false],
      [{ NODE_OPTIONS: `--require ${without}` }, true],
    ] as const) {
      const args = ['--listen', '127.0.0.1:0', '--user', 'me', '--password', 'p', '--allow-exec'];
      const started = cli.start(['serve', '-v', ...args], { isOpen: true, env });
      await started.printed(/^listening on /);
      started.child.kill('SIGTERM');
      const { stderr } = await started.ended;
      expect(stderr.includes('the package @lydell/node-pty is not there')).toBe(isTold);
    }
  });

  it('runs nothing without --allow-exec', async () => {
    const ended = await cli.run(['exec', ...server().options, server().host, '--', 'echo in']);
    expect(ended).toMatchObject({ status: 255, stdout: Buffer.alloc(0) });
    expect(ended.stderr).toContain('exec was refused');
  });

  it('L3, L4: has its banner shown as what it is, with control characters escaped', async () => {
    const ended = await cli.run(['exec', ...server().options, server().host, '--', 'echo in']);
    expect(ended.stderr).toContain(`rxssh: ${server().host} says: hello \\x1b[31mPassword:\n`);
  });

  it('L4: has its banner shown to whom it does not let in', async () => {
    const { host, options } = server();
    const ended = await cli.run([
      ...['exec', ...options, '-o', 'PubkeyAuthentication=no'],
      ...[host, '--', 'echo in'],
    ]);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain(`rxssh: ${host} says: hello \\x1b[31mPassword:\n`);
    expect(ended.stderr).toContain('authentication failed');
  });

  it('L5, L7: lets its one user in by password, and nobody else, and tells no password', async () => {
    const started = serve('--user', 'me', '--allow-exec', '--password', 'right');
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const exec = (user: string, password: string) =>
      cli.run(
        [
          ...['exec', '-vvv', '-o', 'StrictHostKeyChecking=accept-new'],
          ...[`${user}@127.0.0.1:${port}`, '--', 'echo in'],
        ],
        { env: { RXSSH_PASSWORD: password } },
      );
    const right = await exec('me', 'right');
    expect(right.stdout.toString()).toBe('in\n');
    expect(right.stderr).not.toContain('right');
    expect((await exec('me', 'wrong')).status).toBe(255);
    expect((await exec('you', 'right')).status).toBe(255);
    started.child.kill('SIGTERM');
    const { status, stdout, stderr } = await started.ended;
    expect(status).toBe(0);
    expect(stdout.toString()).toBe(`listening on 127.0.0.1:${port}\n`);
    expect(stderr).toMatch(
      /^rxssh: no --host-key: made one for this run, ssh-ed25519 SHA256:\S+\n$/,
    );
  });

  it('gives a command a terminal', async () => {
    const started = serve('--user', 'me', '--allow-exec', '--password', 'right');
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const { status, stdout } = await cli.run(
      [
        ...['exec', '-t', '-o', 'StrictHostKeyChecking=accept-new', `me@127.0.0.1:${port}`],
        ...['--', 'tty; exit 3'],
      ],
      { env: { RXSSH_PASSWORD: 'right' } },
    );
    started.child.kill('SIGTERM');
    await started.ended;
    expect(stdout.toString()).toMatch(/^\/dev\/\S+\r\n$/);
    expect(status).toBe(3);
  });

  it('takes the password from RXSSH_PASSWORD', async () => {
    const started = cli.start(['serve', '--listen', '127.0.0.1:0', '--user', 'me'], {
      isOpen: true,
      env: { RXSSH_PASSWORD: 'secret' },
    });
    await started.printed(/^listening/);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ status: 0 });
  });

  it('drains at SIGTERM: nobody new comes in, what runs comes to its end, and the status is 0', async () => {
    const { key } = server();
    const started = serve('--authorized-keys', `${key}.pub`, '--allow-exec', '-v');
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const options = [...server().options, `127.0.0.1:${port}`];
    const command = 'echo begun; read line; echo "$line"';
    const running = cli.start(['exec', ...options, '--', command], { isOpen: true });
    await running.printed(/begun/);
    started.child.kill('SIGTERM');
    await poll(5000, 'the port is open', String, async () =>
      (await isOpen(Number(port))) ? undefined : true,
    );
    running.child.stdin.end('and ended\n');
    const { status, stdout } = await running.ended;
    expect([status, stdout.toString()]).toEqual([0, 'begun\nand ended\n']);
    expect((await started.ended).status).toBe(0);
  });

  it('ends at the second SIGTERM, whatever runs', async () => {
    const { key } = server();
    const started = serve('--authorized-keys', `${key}.pub`, '--allow-exec');
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const options = [...server().options, `127.0.0.1:${port}`];
    const running = cli.start(['exec', ...options, '--', 'echo begun; cat'], { isOpen: true });
    await running.printed(/begun/);
    started.child.kill('SIGTERM');
    await poll(5000, 'the port is open', String, async () =>
      (await isOpen(Number(port))) ? undefined : true,
    );
    started.child.kill('SIGTERM');
    expect((await started.ended).status).toBe(0);
    const { status, stderr } = await running.ended;
    expect(status).toBe(255);
    expect(stderr).toContain('disconnected by the peer');
  });

  it('L7: takes host keys from files that only their owner can read', async () => {
    const { key } = server();
    const hostKey = cli.file('host');
    await cli.run(['keygen', '-t', 'ecdsa', '-b', '384', '-N', '', '-f', hostKey, '-q']);
    const started = serve('--authorized-keys', `${key}.pub`, '--host-key', hostKey, '--allow-exec');
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const known = cli.file('known-by-file');
    writeFileSync(known, `[127.0.0.1]:${port} ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
    const ended = await cli.run([
      ...[
        'exec',
        '-i',
        key,
        '-o',
        `UserKnownHostsFile=${known}`,
        `127.0.0.1:${port}`,
        '--',
        'echo in',
      ],
    ]);
    expect(ended.stdout.toString()).toBe('in\n');
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ status: 0, stderr: '' });
    chmodSync(hostKey, 0o644);
    const open = await serve('--authorized-keys', `${key}.pub`, '--host-key', hostKey).ended;
    expect(open.status).toBe(2);
    expect(open.stderr).toContain('readable by others: its mode must be 0600');
    const half = await serve('--authorized-keys', `${key}.pub`, '--host-key', `${key}.pub`).ended;
    expect(half).toMatchObject({ status: 2, stderr: expect.stringContaining('is a public key') });
  });

  it('ends with 255 when the address is taken', async () => {
    const { key, host } = server();
    const ended = await cli.run(['serve', '--listen', host, '--authorized-keys', `${key}.pub`]);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('EADDRINUSE');
  });
});
