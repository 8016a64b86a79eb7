/** What OpenSSH's ssh offers to a session of our server (its agent, its display), and what a session is told of the client. */
import { existsSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import { catchError, ignoreElements, merge, mergeMap, of } from 'rxjs';
import { childProcess } from '../../src/server/child-process-node.ts';
import { exitWith } from '../../src/server/exit-result.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { type ClientRun, openssh, runClient, withKey } from '../support/peers/clients.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { type Agent, startSshAgent } from '../support/peers/ssh-agent.ts';
import { until } from '../support/processes.ts';
import { closeSockets, serveSockets } from '../support/tcp.ts';

const run = childProcess({ cwd: '/' });

describeWithPeer('ssh', 'what a session is told', () => {
  const server = usePeer(() => startOurServer({ exec: run, pty: true }));
  const ask = async (command: string, ...more: readonly string[]): Promise<string> => {
    const { stdout } = await runClient(openssh, withKey(server()), command, { more });
    return stdout.toString().trim();
  };

  it('is where it comes from, and where to', async () => {
    const [client = '', connection = ''] = (
      await ask('echo "$SSH_CLIENT"; echo "$SSH_CONNECTION"')
    ).split('\n');
    const port = String(server().port);
    expect(connection).toMatch(new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${port}$`));
    const [address = '', from = ''] = connection.split(' ');
    expect(client).toBe(`${address} ${from} ${port}`);
  });

  it('is its terminal, where it has one', async () => {
    const [variable = '', name = ''] = (await ask('echo "$SSH_TTY"; tty', '-tt')).split('\r\n');
    expect(variable).toMatch(/^\/dev\/pts\/\d+$/);
    expect(variable).toBe(name);
    expect(await ask('echo "[$SSH_TTY]"')).toBe('[]');
  });
});

describeWithPeer('ssh', 'the agent of ssh', () => {
  const server = usePeer(() => startOurServer({ exec: run, agent: true }));
  const deaf = usePeer(() => startOurServer({ exec: run }));
  let agent: Agent | undefined;
  afterEach(() => agent?.stop());

  const ask = async (to: typeof server, command: string, isOffered = true): Promise<ClientRun> => {
    agent = await startSshAgent();
    agent.add(server().identityFiles);
    const more = ['-o', `IdentityAgent=${agent.socket}`, isOffered ? '-A' : '-a'];
    return runClient(openssh, withKey(to()), command, { more });
  };

  it('is there for the programs of a session, also for several at once, and gone with it', async () => {
    const twice = 'ssh-add -l & ssh-add -L; wait; echo "$SSH_AUTH_SOCK"';
    const { status, stdout } = await ask(server, twice);
    const lines = stdout.toString().trim().split('\n');
    const socket = lines.pop() ?? '';
    expect(status).toBe(0);
    expect(lines).toHaveLength(2 * server().identityFiles.length);
    expect(socket).toMatch(/^\/.*\/agent$/);
    await until(() => !existsSync(socket), 'the socket is removed');
  });

  it('is not there unless it was offered, and unless the server allows it', async () => {
    const command = 'echo "[$SSH_AUTH_SOCK]"';
    expect((await ask(server, command, false)).stdout.toString()).toBe('[]\n');
    await agent?.stop();
    expect((await ask(deaf, command)).stdout.toString()).toBe('[]\n');
  });

  it('signs for whoever may use it', async () => {
    const sign = 'cd "$(mktemp -d)" && ssh-add -L | head -1 > k.pub && echo text > t';
    const { status, stdout, stderr } = await ask(
      server,
      `${sign} && ssh-keygen -q -Y sign -n file -f k.pub t && cat t.sig; rm -r "$PWD"`,
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout.toString()).toContain('BEGIN SSH SIGNATURE');
  });
});

describeWithPeer('ssh', 'the display of ssh', () => {
  /** Says the first words of X11, with the cookie that the client has given, and hands out what is said in return. */
  const greet = (session: ServerSession) => {
    const { x11 } = session;
    if (x11 === undefined) return of({ status: 1 });
    const name = Buffer.from(x11.authenticationProtocol);
    const cookie = Buffer.from(x11.authenticationCookie, 'hex');
    const padded = (bytes: Buffer): Buffer =>
      Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
    const hello = Buffer.from([0x6c, 0, 11, 0, 0, 0, name.length, 0, cookie.length, 0, 0, 0]);
    const words = [hello, padded(name), padded(cookie)];
    return session.openX11({ address: '127.0.0.1', port: 6000 }).pipe(
      mergeMap((channel) =>
        merge(
          // ssh takes the end of one side for the end of both
          channel.stdin.pump(words, { end: false }).pipe(ignoreElements()),
          session.stdout.pump(channel.stdout$).pipe(exitWith(0)),
        ),
      ),
      catchError(() => of({ status: 2 })),
    );
  };
  const server = usePeer(() => startOurServer({ exec: greet, x11: true }));
  afterEach(closeSockets);

  it('is reached with the cookie that it has given', async () => {
    const heard: Buffer[] = [];
    const port = await serveSockets((socket) => {
      socket.on('data', (bytes: Buffer) => heard.push(bytes));
      socket.once('data', () => socket.end('a display says hello'));
    });
    const display = `127.0.0.1:${String(port - 6000)}`;
    const withDisplay = { ...openssh, env: () => ({ DISPLAY: display }) };
    const { status, stdout } = await runClient(withDisplay, withKey(server()), 'x', {
      more: ['-Y'],
    });
    expect({ status, text: stdout.toString() }).toEqual({
      status: 0,
      text: 'a display says hello',
    });
    expect(Buffer.concat(heard).toString('latin1')).toContain('MIT-MAGIC-COOKIE-1');
    const refused = await runClient(openssh, withKey(server()), 'x');
    expect(refused.status).toBe(1);
  });
});
