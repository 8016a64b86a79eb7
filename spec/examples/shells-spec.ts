/** paramiko's three demos of a client, as processes of their own at OpenSSH's sshd. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { buildExamples, type Examples } from '../support/examples.ts';
import { type OnTerminal, onTerminal } from '../support/peers/on-terminal.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { sshKeygen } from '../support/ssh-keygen.ts';

describeWithPeer('sshd', 'the demos of paramiko', () => {
  const peer = usePeer(() => startSshd());
  let home = '';
  let examples: Examples;
  let terminal: OnTerminal | undefined;
  const file = (name: string): string => join(home, name);
  const target = (): string => `${peer().user}@${peer().host}:${String(peer().port)}`;

  beforeAll(async () => {
    examples = await buildExamples('list-folder', 'shell-by-password', 'shell-by-key');
    home = mkdtempSync(join(tmpdir(), 'rxssh-shells-'));
    mkdirSync(file('.ssh'), { mode: 0o700 });
    const [identity = ''] = peer().identityFiles;
    copyFileSync(identity, file('.ssh/id_ed25519'));
    copyFileSync(identity, file('locked'));
    sshKeygen(['-p', '-q', '-N', 'open sesame', '-f', file('locked')]);
  }, 60_000);
  afterEach(() => terminal?.stop());
  afterAll(() => {
    examples.remove();
    rmSync(home, { recursive: true, force: true });
  });

  const knows = (isKnown: boolean): void =>
    writeFileSync(
      file('.ssh/known_hosts'),
      isKnown ? `${peer().knownHostsLines.join('\n')}\n` : '',
    );
  const start = (name: string): OnTerminal => {
    const env = { PATH: process.env['PATH'], HOME: home, TERM: 'xterm' };
    // what the terminal is like behind it shows that it was restored
    const script = '"$@"; echo "status=$?"; stty -a';
    const program = [process.execPath, examples.program(name), target()];
    terminal = onTerminal(['/bin/sh', '-c', script, 'sh', ...program], env);
    return terminal;
  };
  /** Types a command and leaves, with what the terminal is then. */
  const usesAndLeaves = async (shell: OnTerminal): Promise<void> => {
    await shell.shows(/\$ $/);
    shell.type("PS1='re''ady> '\r");
    await shell.shows(/ready> /);
    shell.resize(100, 30);
    shell.type('while [ "$(stty size)" != "30 100" ]; do :; done; echo wi""de; exit 7\r');
    await shell.shows(/\nwide\r+\n/);
    await shell.shows(/status=7\r\n/);
    await shell.shows(/ icanon[\s\S]* echo /);
  };

  it('list-folder runs ls and writes a log', async () => {
    knows(true);
    const log = file('log');
    const ended = await examples.start('list-folder', [target(), '/etc/ssl', log], { HOME: home })
      .ended;
    expect(ended.stderr).toBe('');
    expect(ended.stdout).toMatch(/^total .*\n(?:.*\n)*.* certs\n/);
    expect(readFileSync(log, 'utf8')).toMatch(/Z the peer is SSH-2\.0-OpenSSH[\s\S]*logged in by /);
  });

  it('list-folder tells what ls said when it fails', async () => {
    const ended = await examples.start('list-folder', [target(), '/none', file('log')], {
      HOME: home,
    }).ended;
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringContaining('status 2')]);
  });

  it('shell-by-password asks for a password, again when it was wrong, and is a shell', async () => {
    const { password } = peer();
    if (password === undefined) return;
    knows(true);
    const shell = start('shell-by-password');
    for (const typed of ['wrong', password]) {
      await shell.shows(/Password of \S+: /);
      shell.type(`${typed}\r`);
    }
    await usesAndLeaves(shell);
    expect(shell.text()).not.toContain(password);
  });

  it('shell-by-key asks how, for the key, its passphrase and the host, and is a shell', async () => {
    knows(false);
    const shell = start('shell-by-key');
    await shell.shows(/\[k\] /);
    shell.type('\r');
    await shell.shows(/Key \[\S+\]: /);
    shell.type(`${file('locked')}\r`);
    await shell.shows(/Its key is SHA256:\S+\.\r\nIs that right \(yes\/no\)\? /);
    shell.type('yes\r');
    await shell.shows(/Passphrase of \S+locked: /);
    shell.type('open sesame\r');
    await usesAndLeaves(shell);
    expect(shell.text()).not.toContain('sesame');
    // it is known now
    expect(readFileSync(file('.ssh/known_hosts'), 'utf8')).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-/);
  });

  it('shell-by-key lets nobody in who says no to the key of the host', async () => {
    knows(false);
    const shell = start('shell-by-key');
    await shell.shows(/\[k\] /);
    shell.type('k\r');
    await shell.shows(/Key \[\S+\]: /);
    shell.type('\r');
    await shell.shows(/yes\/no\)\? /);
    shell.type('no\r');
    await shell.shows(/host-key|not accepted/);
    await shell.shows(/status=255\r\n/);
  });
});
