/** OpenSSH's ssh against sessions of our server: real terminals, several sessions on one connection, signals, load. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import { type ExitResult, exitWith } from '../../src/server/exit-result.ts';
import type { ServerSession } from '../../src/server/session.ts';
import { childProcess } from '../../src/server/child-process-node.ts';
import { openssh, runClient, withKey } from '../support/peers/clients.ts';
import { onTerminal, type OnTerminal } from '../support/peers/on-terminal.ts';
import { startOurServer } from '../support/peers/our-server.ts';
import { describeWithPeer, peerFolder, usePeer } from '../support/peers/peer.ts';
import { isAlive, until } from '../support/processes.ts';
import { noise, sha256 } from '../support/noise.ts';

const MIB = 1024 * 1024;
const ENTER = '\r';
const PROMPT = /[#$] $/;

const run = childProcess({ cwd: '/' });
const echo = (session: ServerSession): Observable<ExitResult> =>
  session.stdout.pump(session.stdin$).pipe(exitWith(0));

describeWithPeer('ssh', 'sessions of ssh', () => {
  const folder = peerFolder();
  const server = usePeer(() =>
    startOurServer({
      ...{ exec: run, shell: run, pty: true, subsystems: { echo }, maxSessions: 20 },
    }),
  );
  const open = new Set<OnTerminal>();

  afterEach(() => {
    for (const each of open) each.stop();
    open.clear();
  });

  /** The command line of an ssh that asks nothing. */
  function commandLine(command: string, ...more: readonly string[]): readonly string[] {
    const line = openssh.commandLine(withKey(server()), command, { more }, folder.file);
    const words = line.filter((word) => word !== '-T');
    return command === '' ? words.slice(0, -1) : words;
  }

  function ssh(command: string, ...more: readonly string[]): OnTerminal {
    const terminal = onTerminal(commandLine(command, ...more));
    open.add(terminal);
    return terminal;
  }

  it('has a shell on a real terminal, which follows it', async () => {
    const shell = ssh('');
    await shell.shows(PROMPT);
    shell.type(`tty; stty size; echo $TERM${ENTER}`);
    await shell.shows(/\r\n\/dev\/pts\/\d+\r\n24 80\r\nxterm\r\n[#$] $/);
    shell.resize(132, 50);
    // the size is on its way until it is there
    shell.type(`until [ "$(stty size)" = "50 132" ]; do sleep 0.01; done; echo re""sized${ENTER}`);
    await shell.shows(/\bresized\r\n[#$] $/);
    shell.type(`sh -c 'echo slee""ping; exec sleep 999'${ENTER}`);
    // what is typed before the prompt is there stands in front of it; the echo has a pair of quotes in the word
    await shell.shows(/\bsleeping\r\n/);
    shell.type('\u0003');
    await shell.shows(PROMPT);
    shell.type('exit 7');
    shell.type(ENTER);
    expect(await shell.exited).toEqual({ status: 7, signal: 0 });
  });

  it('runs an editor and a pager', async () => {
    const text = join(folder.file('.'), 'text');
    const editor = ssh(`vim -u NONE -N ${text}`, '-t');
    await editor.shows(/~/);
    editor.type(`ihello from vim\u001b:wq${ENTER}`);
    expect((await editor.exited).status).toBe(0);
    expect(readFileSync(text, 'utf8')).toBe('hello from vim\n');
    const pager = ssh('seq 1000 | less', '-t');
    await pager.shows(/\n23\r\n:/);
    pager.type(' ');
    await pager.shows(/\n46\r\n:/);
    pager.type('q');
    expect((await pager.exited).status).toBe(0);
  });

  it('gives a command a terminal without one of its own, with the modes that it has asked for', async () => {
    const { status, stdout } = await runClient(openssh, withKey(server()), 'tty; stty -a; exit 4', {
      more: ['-tt'],
    });
    expect(status).toBe(4);
    expect(stdout.toString()).toMatch(/^\/dev\/pts\/\d+\r\nspeed/);
  });

  it('tells of the signal that has ended a command on a terminal', async () => {
    const command = ssh('kill -SEGV $$', '-t', '-o', 'LogLevel=DEBUG1');
    await command.shows(/rtype exit-signal/);
    expect((await command.exited).status).toBe(255);
    expect(
      server()
        .events.filter(({ type }) => type === 'exit')
        .at(-1),
    ).toMatchObject({
      exit: { kind: 'signal', signal: 'SEGV' },
    });
  });

  it('has a subsystem', async () => {
    const { status, stdout } = await runClient(openssh, withKey(server()), 'echo', {
      ...{ more: ['-s'], stdin: Buffer.from('to and fro') },
    });
    expect({ status, text: stdout.toString() }).toEqual({ status: 0, text: 'to and fro' });
    const none = await runClient(openssh, withKey(server()), 'none', { more: ['-s'] });
    expect(none.stderr).toContain('subsystem request failed');
  });

  it.each<readonly [string, readonly string[]]>([
    ['on pipes', []],
    ['on a terminal', ['-tt']],
  ])('leaves no process behind when it is killed: %s (R12)', async (_name, more) => {
    const line = commandLine('sleep 999 & echo $$ $!; wait', ...more);
    const child = spawn(line[0] ?? '', line.slice(1), { stdio: ['pipe', 'pipe', 'ignore'] });
    const pids = await new Promise<readonly number[]>((resolve) => {
      child.stdout.once('data', (bytes: Buffer) =>
        resolve(bytes.toString().trim().split(' ').map(Number)),
      );
    });
    expect(pids.map(isAlive)).toEqual([true, true]);
    child.kill('SIGKILL');
    await until(() => !pids.some(isAlive), 'the processes are gone');
  });

  it('carries several sessions on one connection (ControlMaster)', async () => {
    const path = folder.file('control');
    const before = server().events.filter(({ type }) => type === 'authenticated').length;
    const line = commandLine('', '-M', '-S', path, '-N');
    const master = spawn(line[0] ?? '', line.slice(1), { stdio: 'ignore' });
    await until(() => existsSync(path), 'the master is there');
    const over = ['-S', path] as const;
    const runs = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        runClient(openssh, withKey(server()), `cat; exit ${String(at)}`, {
          ...{ more: over, stdin: Buffer.from(`session ${String(at)}`) },
        }),
      ),
    );
    expect(runs.map(({ status, stdout }) => [status, stdout.toString()])).toEqual(
      runs.map((_, at) => [at, `session ${String(at)}`]),
    );
    const shell = ssh('', ...over);
    await shell.shows(PROMPT);
    shell.type(`exit 3${ENTER}`);
    expect((await shell.exited).status).toBe(3);
    expect(server().events.filter(({ type }) => type === 'authenticated')).toHaveLength(before + 1);
    master.kill();
  });

  it.each([
    [100, 1024],
    // OpenSSH 9.2 counts bytes as blocks here: it asks for new keys before each full packet
    [8, 256],
  ])(
    'carries %i MiB each way, with new keys every %i KiB',
    async (mebibytes, kibibytes) => {
      const stdin = noise(mebibytes * MIB);
      const { status, stdout, stderr } = await runClient(openssh, withKey(server()), 'cat', {
        ...{ stdin, rekeyBytes: kibibytes * 1024 },
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(sha256(stdout)).toBe(sha256(stdin));
    },
    60_000,
  );

  it('is not disturbed by one that breaks the protocol', async () => {
    const quiet = ssh('cat', '-T');
    quiet.type(`before${ENTER}`);
    await quiet.shows(/before\r\nbefore\r\n/);
    const { host, port } = server();
    const broken = await exchange(
      host,
      port,
      'SSH-2.0-broken\r\n\0\0\0\u000c\u0004\u0063garbage!!!',
    );
    expect(broken).toMatch(/^SSH-2\.0-rxssh/);
    // DISCONNECT (1) with PROTOCOL_ERROR (2)
    expect(broken).toContain('\u0001\0\0\0\u0002');
    quiet.type(`after${ENTER}`);
    await quiet.shows(/after\r\nafter\r\n/);
    quiet.type('\u0004');
    expect((await quiet.exited).status).toBe(0);
  });
});

/** Sends something, and resolves with what comes until the other side closes. */
function exchange(host: string, port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port }, () => socket.write(bytes, 'latin1'));
    socket.setEncoding('latin1').on('data', (more: string) => (text += more));
    socket.once('error', reject).once('close', () => resolve(text));
  });
}
