/** Sessions of real clients through a gateway of ours to OpenSSH's sshd. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from '@jest/globals';
import { shareClient } from '../../src/client/with-client.ts';
import { gateway } from '../../src/gateway/gateway.ts';
import { noise, sha256 } from '../support/noise.ts';
import { CLIENTS, openssh, runClient, withKey } from '../support/peers/clients.ts';
import { onTerminal, type OnTerminal } from '../support/peers/on-terminal.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { connectTo } from '../support/peers/ours.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { startSshd } from '../support/peers/sshd.ts';
import { isAlive, until } from '../support/processes.ts';

const MIB = 1024 * 1024;
const ENTER = '\r';
const PROMPT = /[#$] $/;

describeWithPeer('sshd', 'a gateway', () => {
  const inner = usePeer(() => startSshd());
  const server = usePeer(async () => {
    const inside = gateway(connectTo(inner()).pipe(shareClient({ linger: 200 })));
    return startOurServer({
      ...{ exec: inside, shell: inside, subsystems: { sftp: inside }, pty: true },
      acceptEnv: ['RXSSH_*'],
    });
  });
  const folder = peerFolder();
  const open = new Set<OnTerminal>();

  afterEach(() => {
    for (const each of open) each.stop();
    open.clear();
  });

  function ssh(command: string, ...more: readonly string[]): OnTerminal {
    const line = openssh.commandLine(withKey(server()), command, { more }, folder.file);
    const words = line.filter((word) => word !== '-T');
    const terminal = onTerminal(command === '' ? words.slice(0, -1) : words);
    open.add(terminal);
    return terminal;
  }

  it('has a shell on a real terminal, with an editor', async () => {
    const shell = ssh('');
    await shell.shows(PROMPT);
    shell.type(`whoami; stty size; echo $SSH_TTY${ENTER}`);
    const [, user] = await shell.shows(/\r\n(\S+)\r\n24 80\r\n\/dev\/pts\/\d+\r\n/);
    expect(user).toBe(inner().user);
    shell.resize(132, 50);
    shell.type(`until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized${ENTER}`);
    await shell.shows(/\bresized\r\n/);
    shell.type(`sh -c 'echo slee""ping; exec sleep 999'${ENTER}`);
    // what is typed before the prompt is there stands in front of it; the echo has a pair of quotes in the word
    await shell.shows(/\bsleeping\r\n/);
    shell.type('\u0003');
    await shell.shows(PROMPT);
    const file = `/tmp/rxssh-gateway-${String(process.pid)}`;
    shell.type(`vim -u NONE -N ${file}${ENTER}`);
    await shell.shows(/~/);
    shell.type(`ihello\u001b:wq${ENTER}`);
    await shell.shows(PROMPT);
    shell.type(`exit 9${ENTER}`);
    expect(await shell.exited).toEqual({ status: 9, signal: 0 });
    expect(readFileSync(file, 'utf8')).toBe('hello\n');
    rmSync(file);
  });

  it('carries 100 MiB each way, stderr, variables and the exit', async () => {
    const stdin = noise(100 * MIB);
    const run = await runClient(openssh, withKey(server()), 'cat; echo "$RXSSH_X" >&2; exit 5', {
      ...{ stdin, more: ['-o', 'SetEnv=RXSSH_X=here'] },
    });
    expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 5, stderr: 'here\n' });
    expect(sha256(run.stdout)).toBe(sha256(stdin));
  }, 60_000);

  it('tells of a signal', async () => {
    await runClient(openssh, withKey(server()), 'kill -SEGV $$');
    expect(
      server()
        .events.filter(({ type }) => type === 'exit')
        .at(-1),
    ).toMatchObject({
      exit: { kind: 'signal', signal: 'SEGV' },
    });
  });

  it('refuses what sshd refuses', async () => {
    const run = await runClient(openssh, withKey(server()), 'sftp', { more: ['-s'] });
    expect(run.status).toBe(0);
    const none = await startOurServer({ subsystems: { none: gateway(connectTo(inner())) } });
    const refused = await runClient(openssh, withKey(none), 'none', { more: ['-s'] });
    await none.stop();
    expect(refused.stderr).toContain('subsystem request failed');
  });

  it.each([
    ['sftp', []],
    ['its old protocol', ['-O']],
  ])('copies files with scp, by %s', async (name, more) => {
    const bytes = noise(4 * MIB);
    const near = join(folder.file('.'), `near-${name.slice(0, 4)}`);
    const far = `/tmp/rxssh-far-${String(process.pid)}`;
    mkdirSync(near);
    writeFileSync(join(near, 'up'), bytes);
    const [, ...line] = openssh.commandLine(withKey(server()), '', {}, folder.file);
    const words = line.slice(0, -2).filter((word) => word !== '-T');
    const at = words.indexOf('-l');
    const [, user = ''] = words.splice(at, 2);
    const options = words.map((word) => (word === '-p' ? '-P' : word));
    const host = `${user}@${server().host}`;
    await scp([...options, ...more, join(near, 'up'), `${host}:${far}`]);
    await scp([...options, ...more, `${host}:${far}`, join(near, 'down')]);
    expect(sha256(readFileSync(join(near, 'down')))).toBe(sha256(bytes));
    await runClient(openssh, withKey(server()), `rm ${far}`);
  });

  it('ends the command of a client that is gone, as sshd does', async () => {
    const shell = ssh('echo $$; exec sleep 999', '-tt');
    const [, pid] = await shell.shows(/(\d+)\r\n/);
    expect(isAlive(Number(pid))).toBe(true);
    shell.stop();
    await until(() => !isAlive(Number(pid)), 'the process is gone');
  });

  for (const client of CLIENTS) {
    describeWithPeer(client.peer, `with ${client.name}`, () => {
      it('carries 4 MiB each way and the exit', async () => {
        const stdin = noise(4 * MIB);
        const run = await runClient(client, withKey(server()), 'cat; exit 6', { stdin });
        expect(run.status).toBe(6);
        expect(sha256(run.stdout)).toBe(sha256(stdin));
      });
    });
  }
});

async function scp(args: readonly string[]): Promise<void> {
  await promisify(execFile)('scp', ['-q', ...args], { timeout: 20_000 });
}
