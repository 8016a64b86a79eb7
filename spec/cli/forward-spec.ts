import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { dynamicSpec, forwardSpec, remoteSpec } from '../../src/cli/forward-specs.ts';
import { dialSocks } from '../support/forwardings.ts';
import { closeSockets, echo, readAll, say, serveSockets } from '../support/tcp.ts';
import { useCli, useServer } from './cli.ts';

const cli = useCli();
const server = useServer(cli, ['--allow-exec', '--allow-forward']);
const jump = useServer(cli, ['--allow-forward', '-o', 'PermitListen=none']);

afterEach(closeSockets);

const listening = /listening on 127\.0\.0\.1:(\d+)\n/;

describe('forwardSpec', () => {
  const db = { host: 'db', port: 5432 };

  it.each([
    ['8080:db:5432', { port: 8080 }, db],
    ['127.0.0.2:8080:db:5432', { host: '127.0.0.2', port: 8080 }, db],
    ['[::1]:8080:db:5432', { host: '::1', port: 8080 }, db],
    ['0:[2001:db8::1]:5432', { port: 0 }, { host: '2001:db8::1', port: 5432 }],
    ['*:8080:db:5432', { host: '::', port: 8080 }, db],
    [':8080:db:5432', { host: '::', port: 8080 }, db],
    ['8080:/run/db', { port: 8080 }, { socketPath: '/run/db' }],
    ['localhost:8080:/run/db', { host: 'localhost', port: 8080 }, { socketPath: '/run/db' }],
    ['/tmp/here:db:5432', { socketPath: '/tmp/here' }, db],
    ['/tmp/here:/run/db', { socketPath: '/tmp/here' }, { socketPath: '/run/db' }],
  ])('reads %s', (text, listen, to) => {
    expect(forwardSpec('-L', text)).toEqual({ listen, to });
  });

  it.each([
    '',
    '8080',
    '8080:db',
    '8080:db:0',
    '8080:db:65536',
    '65536:db:1',
    'x:db:1',
    '1:2:3:4:5',
    '[::1:8080:db:1',
    '8080::5432',
    '/a:',
    'a b',
  ])('refuses %s', (text) => {
    expect(() => forwardSpec('-L', text)).toThrow('-L');
  });

  it('leaves it to the server what all its addresses are', () => {
    expect(forwardSpec('-R', '*:80:db:5432').listen).toEqual({ host: '', port: 80 });
  });

  it('reads a port alone of -R as a proxy', () => {
    expect(remoteSpec('1080')).toEqual({ listen: { port: 1080 } });
    expect(remoteSpec('[::1]:1080')).toEqual({ listen: { host: '::1', port: 1080 } });
    expect(remoteSpec('80:db:5432')).toEqual({ listen: { port: 80 }, to: db });
    for (const text of ['', 'x', '80:db', '/tmp/x']) expect(() => remoteSpec(text)).toThrow('-R');
  });

  it('reads where a proxy listens', () => {
    expect(dynamicSpec('1080')).toEqual({ port: 1080 });
    expect(dynamicSpec('[::1]:1080')).toEqual({ host: '::1', port: 1080 });
    for (const text of ['', 'x', '1080:db:1', '/tmp/x'])
      expect(() => dynamicSpec(text)).toThrow('-D');
  });
});

describe('rxssh forward', () => {
  it('leads through -L and -R, to ports and sockets, and ends with the signal', async () => {
    const port = String(await serveSockets(echo));
    const socket = join(cli.file('socket'));
    const started = cli.start(
      [
        ...['forward', ...server().options, '-v'],
        ...['-L', `0:localhost:${port}`, '-R', `${socket}:127.0.0.1:${port}`, '-R', '0'],
        server().host,
      ],
      { isOpen: true },
    );
    await started.printed(/^.* listening on .*socket$/m);
    const [, at = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)$/m);
    expect(await say(Number(at), 'hello')).toBe('hello');
    expect(await say(socket, 'hello there')).toBe('hello there');
    started.child.kill('SIGTERM');
    const ended = await started.ended;
    expect(ended.status).toBe(143);
    expect(ended.stderr).toContain('11 bytes sent, 11 received');
    await expect(say(Number(at), 'x')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('leads a proxy at the host only where PermitRemoteOpen lets it', async () => {
    const [open, closed] = [await serveSockets(echo), await serveSockets(echo)];
    const permit = ['-o', `PermitRemoteOpen=127.0.0.1:${String(open)}`];
    const started = cli.start(
      ['forward', ...server().options, ...permit, '-R', '0', server().host],
      { isOpen: true },
    );
    const [, at = ''] = await started.printed(listening);
    const socket = await dialSocks(Number(at), open);
    socket.end('hello');
    expect((await readAll(socket)).toString()).toBe('hello');
    // RFC 1928 §6: refused
    await expect(dialSocks(Number(at), closed)).rejects.toThrow('the proxy says 5');
    started.child.kill('SIGTERM');
    expect((await started.ended).status).toBe(143);
  });

  it('tells what happens as JSON, and goes on when a target refuses', async () => {
    const port = await serveSockets(echo);
    const started = cli.start(
      [
        'forward',
        ...server().options,
        '--json',
        '-L',
        `0:127.0.0.1:${String(port)}`,
        server().host,
      ],
      { isOpen: true },
    );
    const [, at = ''] = await started.printed(/"listening":"127\.0\.0\.1:(\d+)"/);
    await closeSockets();
    await expect(say(Number(at), 'x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await started.printed(/"event":"error","kind":"channel-open"/);
    await serveSockets(echo, undefined, port);
    expect(await say(Number(at), 'hello')).toBe('hello');
    await started.printed(/"event":"done".*"bytesSent":5,"bytesReceived":5/);
    started.child.kill('SIGINT');
    expect((await started.ended).status).toBe(130);
  });

  it.each([
    [[], 2, 'nothing to forward'],
    [['-L', '8080'], 2, '-L "8080": expected'],
    [['-D', 'x'], 2, '-D'],
    [['-R', '0:localhost:1'], 255, 'the server refuses to listen on 127.0.0.1:0'],
  ])('%j is status %d', async (args, status, message) => {
    const ended = await cli.run(['forward', ...jump().options, ...args, jump().host]);
    expect(ended.stderr).toContain(message);
    expect(ended.status).toBe(status);
  });
});

describe('-J', () => {
  it('leads through one host, and through two', async () => {
    for (const jumps of [jump().host, `${jump().host},${jump().host}`]) {
      const ended = await cli.run([
        ...['exec', ...server().options, '-v', '-i', jump().key],
        ...['-J', jumps, server().host, '--', 'echo through'],
      ]);
      expect(ended.stdout.toString()).toBe('through\n');
      expect(ended.stderr.match(/logged in by/g)?.length).toBe(jumps.includes(',') ? 3 : 2);
      expect(ended.status).toBe(0);
    }
  });

  it.each([
    ['a name that is none', 'a b', 2],
    ['a host that is not there', '127.0.0.1:1', 255],
  ])('ends with %s', async (_name, name, status) => {
    const ended = await cli.run([
      'exec',
      ...server().options,
      '-J',
      name,
      server().host,
      '--',
      'true',
    ]);
    expect(ended.status).toBe(status);
    expect(ended.stdout.length).toBe(0);
  });
});

describe('rxssh serve', () => {
  it.each([
    ['nothing', []],
    ['AllowTcpForwarding=remote', ['--allow-forward', '-o', 'AllowTcpForwarding=remote']],
    ['DisableForwarding=yes', ['--allow-forward', '-o', 'DisableForwarding=yes']],
    ['PermitOpen', ['--allow-forward', '-o', 'PermitOpen=localhost:9']],
  ])('lets nobody through with %s', async (_name, more) => {
    const port = await serveSockets(echo);
    const { key } = jump();
    const started = cli.start(
      ['serve', '--listen', '127.0.0.1:0', '--authorized-keys', `${key}.pub`, ...more],
      { isOpen: true },
    );
    const [, at = ''] = await started.printed(listening);
    const client = cli.start(
      [
        ...['forward', '-i', key, '-o', 'StrictHostKeyChecking=accept-new'],
        ...['-L', `0:127.0.0.1:${String(port)}`, `127.0.0.1:${at}`],
      ],
      { isOpen: true },
    );
    const [, local = ''] = await client.printed(listening);
    await expect(say(Number(local), 'x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    client.child.kill('SIGTERM');
    started.child.kill('SIGTERM');
    expect((await client.ended).stderr).toMatch(/channel refused: (ADMIN|UNKNOWN)/);
    expect((await started.ended).status).toBe(0);
  });

  it('does not combine --allow-forward with ForceCommand', async () => {
    const ended = await cli.run(['serve', '--allow-forward', '-o', 'ForceCommand=true']);
    expect(ended.status).toBe(2);
  });
});
