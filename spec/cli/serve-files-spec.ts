/** Rows R15 and X26: a server that is out of file descriptors goes on with what it has, and recovers. */
import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, ReplaySubject, Subject } from 'rxjs';
import { connect } from '../../src/client/connect-node.ts';
import type { SshClient } from '../../src/client/client.ts';
import { collect, stdout } from '../../src/client/output-operators.ts';
import { useCli } from './cli.ts';

const MAX_FILES = 64;

describe('A server with 64 file descriptors', () => {
  const cli = useCli();
  const sockets: Socket[] = [];
  const letGo = new Subject<void>();

  afterAll(() => {
    letGo.next();
    for (const socket of sockets) socket.destroy();
  });

  const login = (port: number): Promise<SshClient> => {
    const client$ = connect({
      ...{ host: '127.0.0.1', port, user: 'me', password: 'right' },
      hostKeys: { policy: 'no', warn: () => undefined },
    });
    return new Promise((resolve, reject) => {
      const subscription = client$.subscribe({ next: resolve, error: reject });
      letGo.subscribe(() => subscription.unsubscribe());
    });
  };

  const run = async (client: SshClient, command: string) =>
    lastValueFrom(client.exec(command).pipe(collect()));

  it('serves those that are there, refuses what it cannot do, and takes new ones when there is room', async () => {
    const server = cli.start(
      [
        ...['serve', '--listen', '127.0.0.1:0', '--user', 'me', '--password', 'right'],
        ...['--allow-exec', '-o', 'MaxStartups=1000', '-o', 'PerSourceMaxStartups=none'],
      ],
      { isOpen: true, maxFiles: MAX_FILES },
    );
    const [, digits = ''] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const port = Number(digits);
    const client = await login(port);
    // the command may not have begun yet
    const typed = new ReplaySubject<string>(1);
    const echoed = new Subject<string>();
    client
      .exec('cat', { stdin: typed })
      .pipe(stdout())
      .subscribe({ next: (bytes) => echoed.next(Buffer.from(bytes).toString()), error: () => {} });
    const echo = async (text: string): Promise<string> => {
      const back = firstValueFrom(echoed);
      typed.next(text);
      return back;
    };
    expect(await echo('before')).toBe('before');

    for (let count = 0; count < MAX_FILES * 2; count++) {
      const socket = connectSocket(port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket.resume());
    }
    await Promise.race(
      sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    expect(await echo('during')).toBe('during');
    const starved = await run(client, 'echo in');
    expect(starved).toMatchObject({ stdout: '', exit: { kind: 'status', status: 127 } });
    expect(starved.stderr).toContain('EMFILE');

    for (const socket of sockets) socket.destroy();
    const good = await firstGood(async () => run(await login(port), 'echo in'));
    expect(good.stdout).toBe('in\n');
    expect(await echo('behind')).toBe('behind');
    expect((await run(client, 'echo in')).stdout).toBe('in\n');
    letGo.next();
    server.child.kill('SIGTERM');
    expect((await server.ended).status).toBe(0);
  }, 40_000);
});

/** The server has to notice first that they have gone. */
async function firstGood<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 50; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await pause(100);
    }
  }
}
