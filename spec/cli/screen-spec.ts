/** Programs that fill the screen, in `rxssh shell` under tmux, which knows what is on the screen. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, type Peer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { useCli } from './cli.ts';

const DEADLINE_MS = 15_000;
const cli = useCli();
const run = promisify(execFile);
/** Each test has a tmux server of its own: one that is ending takes no new sessions. */
let servers = 0;

const tmux = async (...args: readonly string[]): Promise<string> => {
  const env = { PATH: process.env['PATH'], HOME: cli.file('.'), LANG: 'C.UTF-8' };
  const socket = ['-S', cli.file(`tmux-${String(servers)}`), '-f', '/dev/null'];
  return (await run('tmux', [...socket, ...args], { env })).stdout;
};
const screen = (): Promise<string> => tmux('capture-pane', '-p');
const type = (...keys: readonly string[]): Promise<string> => tmux('send-keys', ...keys);
/** Resolves with the screen when it shows something. */
const shows = async (pattern: RegExp): Promise<string> => {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const text = await screen();
    if (pattern.test(text)) return text;
    if (Date.now() > end) throw new Error(`no ${String(pattern)} in ${text}`);
  }
};

afterEach(async () => {
  await tmux('kill-server');
});

describeScreen('OpenSSH sshd', startSshd);
describeScreen('our server', () => startOurServer({ pty: true }));

function describeScreen(name: string, start: () => Promise<Peer>): void {
  describeWithPeer('tmux', `rxssh shell at ${name}, under tmux`, () => {
    const peer = usePeer(start);
    beforeAll(() => writeFileSync(cli.file(name), `${peer().knownHostsLines.join('\n')}\n`));

    const begin = async (): Promise<void> => {
      const { user, host, port, identityFiles } = peer();
      const [identity = ''] = identityFiles;
      const options = ['-i', identity, '-o', `UserKnownHostsFile="${cli.file(name)}"`, '-l', user];
      const command = [process.execPath, cli.program(), 'shell', ...options, '-p', `${port}`, host];
      servers++;
      await tmux('new-session', '-d', '-x', '80', '-y', '24', ...command);
      // the shell there is up when it has done something
      await type("PS1='re''ady> '; clear", 'Enter');
      await shows(/^ready>/);
    };

    it('edits a file with vi, in the size of the window', async () => {
      await begin();
      await type('f=$(mktemp); vi -u NONE $f', 'Enter');
      await shows(/^\n?~(\n~)+/m);
      await type('i', 'first line', 'Enter', 'second line', 'Escape');
      const text = await shows(/^first line\nsecond line\n~\n/);
      expect(text.split('\n').filter((line) => line === '~')).toHaveLength(21);
      await tmux('resize-window', '-x', '60', '-y', '12');
      await shows(/^first line\nsecond line\n(~\n){9}[^~]/);
      await type(':wq', 'Enter');
      await shows(/ready>$/m);
      await type('clear; cat $f; rm $f', 'Enter');
      await shows(/^first line\nsecond line\nready>/);
    });

    it('shows top, and the screen behind it', async () => {
      await begin();
      await type('top', 'Enter');
      await shows(/^top - [\s\S]*^%Cpu[\s\S]*PID USER/m);
      await type('q');
      await shows(/ready>$/m);
    });
  });
}
