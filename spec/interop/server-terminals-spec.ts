/** Terminals of our server, with every client that can have one. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import ssh2, { type ClientChannel } from 'ssh2';
import { childProcess } from '../../src/server/child-process-node.ts';
import { dbclient, knownHostsFile, openssh, plink, withKey } from '../support/peers/clients.ts';
import { onTerminal } from '../support/peers/on-terminal.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, pythonScript, usePeer } from '../support/peers/peer.ts';

const ENTER = '\r';
const PROMPT = /[#$] $/;

const run = childProcess({ cwd: '/' });
const options = { exec: run, shell: run, pty: true } as const;

for (const [client, more] of [
  [openssh, ['-t']],
  [plink, ['-t', '-no-antispoof']],
  [dbclient, ['-t']],
] as const) {
  describeWithPeer(client.peer, `a terminal of ${client.name}`, () => {
    const server = usePeer(() => startOurServer(options));

    it('has a shell, which follows it', async () => {
      const { file, remove } = peerFolder();
      const to = withKey(server());
      const line = client.commandLine(to, '', { more }, file);
      const words = line.slice(0, -1).filter((word) => word !== '-T' && word !== '-batch');
      const env = { ...process.env, ...client.env?.(to, file), SSH_AUTH_SOCK: undefined };
      const shell = onTerminal(words, env);
      try {
        await shell.shows(PROMPT);
        shell.type(`stty size; echo $TERM${ENTER}`);
        await shell.shows(/\r\n24 80\r\nxterm\S*\r\n/);
        shell.resize(132, 50);
        shell.type(
          `until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized${ENTER}`,
        );
        await shell.shows(/\bresized\r\n/);
        shell.type(`sh -c 'echo slee""ping; exec sleep 999'${ENTER}`);
        // what is typed before the prompt is there stands in front of it; the echo has a pair of quotes in the word
        await shell.shows(/\bsleeping\r\n/);
        shell.type('\u0003');
        await shell.shows(PROMPT);
        shell.type(`exit 7${ENTER}`);
        const { status, signal } = await shell.exited;
        const told = server().events.filter(({ type }) => type === 'exit');
        expect(told).toMatchObject([{ exit: { kind: 'status', status: 7 } }]);
        expect(signal).toBe(0);
        // dbclient ends with 0, too, when it has heard of no status; on a busy machine it has
        expect(client === dbclient ? [7, 0] : [7]).toContain(status);
      } finally {
        shell.stop();
        remove();
      }
    });
  });
}

for (const [name, printed] of [
  ['paramiko', '7'],
  ['asyncssh', '7 TERM'],
] as const) {
  describeWithPeer(name, `a terminal of ${name}`, () => {
    const server = usePeer(() => startOurServer(options));

    it('has a shell, which follows it', async () => {
      const { file, remove } = peerFolder();
      const { host, port, user, identityFile, ...to } = withKey(server());
      const [program = '', ...args] = pythonScript(
        `${name}-shell.py`,
        JSON.stringify({
          ...{ host, port, user, identity: identityFile },
          knownHosts: knownHostsFile({ host, port, user, ...to }, file),
        }),
      );
      const { stdout } = await promisify(execFile)(program, args, { timeout: 30_000 });
      remove();
      expect(stdout.trim()).toBe(printed);
    });
  });
}

describeWithPeer('npm', 'a terminal of npm ssh2', () => {
  const server = usePeer(() => startOurServer(options));

  it('has a shell, which follows it and ends by a signal', async () => {
    const { host, port, user, identityFile = '' } = withKey(server());
    const client = new ssh2.Client();
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({ host, port, username: user, privateKey: readFileSync(identityFile) });
    });
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.shell({ term: 'vt100', cols: 100, rows: 30 }, (error, stream) => {
        if (error === undefined) resolve(stream);
        else reject(error);
      });
    });
    let text = '';
    const shows = (pattern: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (pattern.test(text)) resolve();
        };
        channel.on('data', look);
        look();
      });
    channel.on('data', (bytes: Buffer) => (text += bytes.toString()));
    channel.write('stty size; echo $TERM\n');
    await shows(/30 100\r\nvt100\r\n/);
    channel.setWindow(50, 132, 0, 0);
    channel.write('until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized\n');
    await shows(/resized/);
    const ended = new Promise<readonly unknown[]>((resolve) => {
      channel.once('exit', (...exit: readonly unknown[]) => resolve(exit));
    });
    channel.write('exec sleep 999\n');
    await shows(/exec sleep 999\r\n/);
    channel.signal('USR1');
    expect(await ended).toEqual(expect.arrayContaining([null, 'SIGUSR1']));
    client.end();
  });
});
