/** Processes on terminals: `childProcess` for a session that has one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, type Observable, reduce, scan, Subject, tap } from 'rxjs';
import type { ChannelOptions } from '../../src/channels/channel-options.ts';
import type { SshConnection } from '../../src/channels/connection.ts';
import { exitSignal, ptyReq, signal, windowChange } from '../../src/messages/channel-requests.ts';
import { encodeTerminalModes, type TerminalModes } from '../../src/messages/terminal-modes.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import {
  childProcess,
  type ChildProcessOptions,
  loginShell,
} from '../../src/server/child-process-node.ts';
import { connectionLost } from '../../src/streams/ending.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { isAlive, standstill, until } from '../support/processes.ts';
import {
  ask,
  closePairs,
  execOf,
  openSession,
  outcomeOf,
  pair,
  type Pair,
  run,
  type Session,
} from './raw-client.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const SIZE = { columns: 132, rows: 50, widthPixels: 0, heightPixels: 0 };

afterEach(closePairs);
const inFolder = useTempFolder();

const status = (value: number): unknown => [{ type: 'exit-status', value }];

function server(options: ChildProcessOptions = {}): Promise<Pair> {
  const handler = childProcess({ cwd: inFolder(), ...options });
  return pair({ exec: handler, shell: handler, pty: true });
}

/** A session that has a terminal. */
async function onTerminal(
  connection: SshConnection,
  modes: TerminalModes = new Map(),
  size = SIZE,
  options: ChannelOptions = {},
): Promise<Session> {
  const session = await openSession(connection, options);
  const terminalModes = encodeTerminalModes(modes);
  await ask(session.channel, 'pty-req', ptyReq.encode({ term: 'vt220', ...size, terminalModes }));
  return session;
}

/** Runs a command on a terminal; `input` is typed when `ready` was seen. */
async function runOn(
  session: Session,
  command: string,
  input = '',
): Promise<{ readonly text: string; readonly requests: unknown }> {
  const outcome = outcomeOf(session);
  if (!(await ask(session.channel, 'exec', execOf(command)))) throw new Error('refused');
  session.channel.stdin.pump(utf8Bytes(input)).subscribe({ error: () => undefined });
  const { stdout, requests } = await outcome;
  return { text: stdout.replaceAll('\r\n', '\n'), requests };
}

/** Everything that was written so far, as it grows. */
function textOf({ channel }: Session): Observable<string> {
  return channel.stdout$.pipe(scan((text, bytes) => text + utf8Text(bytes), ''));
}

/** Runs a command, and resolves with the process ids in its first line. */
async function started(connection: SshConnection, command: string): Promise<readonly number[]> {
  const session = await onTerminal(connection);
  const pids = new Promise<readonly number[]>((resolve) => {
    textOf(session).subscribe({
      next: (text) => {
        const line = /^([\d ]+)\r?\n/.exec(text)?.[1];
        if (line !== undefined) resolve(line.trim().split(' ').map(Number));
      },
      error: () => undefined,
    });
  });
  if (!(await ask(session.channel, 'exec', execOf(command)))) throw new Error('refused');
  return pids;
}

describe('a process on a terminal', () => {
  it.each([
    ['has one', 'test -t 0 && test -t 1 && test -t 2 && echo yes', 'yes\n', status(0)],
    [
      'leads its session',
      'ps -o sid= -p $$ | tr -d " " | grep -qx $$ && echo yes',
      'yes\n',
      status(0),
    ],
    [
      'has its name, its size and its folder',
      'echo $TERM; stty size; basename $PWD',
      'vt220\n50 132\n<folder>\n',
      status(0),
    ],
    ['writes both streams to it', 'echo out; echo err >&2; exit 7', 'out\nerr\n', status(7)],
  ])('%s', async (_name, command, text, requests) => {
    const { connection } = await server();
    const outcome = await runOn(await onTerminal(connection), command);
    expect({ ...outcome, text: outcome.text.replace(/rxssh-spec-\w+/, '<folder>') }).toEqual({
      ...{ text, requests },
    });
  });

  it('has no name for it where the client has none, as ssh without TERM', async () => {
    const { connection } = await server();
    const session = await openSession(connection);
    const terminalModes = encodeTerminalModes(new Map());
    const request = ptyReq.encode({ term: '', ...SIZE, terminalModes });
    expect(await ask(session.channel, 'pty-req', request)).toBe(true);
    const { text } = await runOn(session, 'tty >&2; env | grep -c ^TERM=; stty size');
    expect(text).toMatch(/^\/dev\/\S+\n0\n50 132\n$/);
  });

  it('reports the signal that has ended it', async () => {
    const { connection } = await server();
    const { requests } = await runOn(await onTerminal(connection), 'kill -KILL $$');
    expect(requests).toMatchObject([{ type: 'exit-signal', value: { signal: 'KILL' } }]);
  });

  it('finds the modes that the client has asked for', async () => {
    const { connection } = await server();
    const modes = new Map([
      [53, 0],
      [1, 24],
      [3, 8],
      [72, 1],
    ]);
    const { text } = await runOn(await onTerminal(connection, modes), 'stty -a');
    expect(text).toMatch(/intr = \^X;.* erase = \^H;/);
    expect(text).toMatch(/ -echo /);
  });

  it.each([
    ['unknown', { ...SIZE, columns: 0, rows: 0 }, '24 80\n'],
    ['absurd', { ...SIZE, columns: 4_294_967_295, rows: 70_000 }, '65535 65535\n'],
  ])('has a size when that is %s', async (_name, size, text) => {
    const { connection } = await server();
    expect((await runOn(await onTerminal(connection, new Map(), size), 'stty size')).text).toBe(
      text,
    );
  });

  it('hears of new sizes', async () => {
    const { connection } = await server();
    const session = await onTerminal(connection);
    const outcome = outcomeOf(session);
    await ask(
      session.channel,
      'exec',
      execOf('trap "stty size; exit 3" WINCH; while :; do sleep 0.01; done'),
    );
    // once may be before the trap is set
    const resize = setInterval(() => {
      const size = { ...SIZE, columns: 40 + (session.channel.number % 2), rows: 10 };
      session.channel.notify('window-change', windowChange.encode(size));
      session.channel.notify('window-change', windowChange.encode({ ...size, columns: 41 }));
    }, 50);
    const { stdout, requests } = await outcome;
    clearInterval(resize);
    expect([stdout.trim().slice(0, 3), requests]).toEqual(['10 ', status(3)]);
  });

  it('reads what is typed, up to ^D, which is the end of the input', async () => {
    const { connection } = await server();
    const { text, requests } = await runOn(
      await onTerminal(connection),
      'cat; echo over',
      'hello\n',
    );
    expect([text, requests]).toEqual(['hello\nhello\nover\n', status(0)]);
  });

  it('is interrupted by ^C', async () => {
    const { connection } = await server();
    const session = await onTerminal(connection);
    const { channel } = session;
    const closed = firstValueFrom(channel.closed$);
    const typed = new Subject<Uint8Array>();
    channel.stdin.pump(typed).subscribe({ error: () => undefined });
    textOf(session).subscribe((text) => {
      if (text.endsWith('ready\r\n')) typed.next(utf8Bytes('\u0003'));
    });
    await ask(channel, 'exec', execOf('echo ready; exec sleep 999'));
    await closed;
    expect(session.requests.map(({ type, payload }) => [type, exitSignal.decode(payload)])).toEqual(
      [['exit-signal', expect.objectContaining({ signal: 'INT' })]],
    );
  });

  it('gets the signals of the client', async () => {
    const { connection } = await server();
    const session = await onTerminal(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('exec sleep 999'));
    session.channel.notify('signal', signal.encode({ name: 'USR1' }));
    expect((await outcome).requests).toMatchObject([
      { type: 'exit-signal', value: { signal: 'USR1' } },
    ]);
  });

  it('is a login shell where there is no command', async () => {
    const run = loginShell({ cwd: inFolder() });
    const { connection } = await pair({ shell: run, pty: true });
    const session = await onTerminal(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'shell');
    session.channel.stdin.pump(utf8Bytes('echo $((6*7)); exit 5\n')).subscribe();
    const { stdout, requests } = await outcome;
    expect(requests).toEqual(status(5));
    expect(stdout).toContain('42\r\n');
  });

  it('is refused where no terminals are to be had, and not without one', async () => {
    const { connection, events } = await server();
    const session = await onTerminal(connection);
    const { arch } = process;
    Object.defineProperty(process, 'arch', { value: 'pdp11' });
    try {
      expect(await ask(session.channel, 'exec', execOf('true'))).toBe(false);
      expect(await run(connection, 'echo on')).toMatchObject({ stdout: 'on\n' });
    } finally {
      Object.defineProperty(process, 'arch', { value: arch });
    }
    const error = { kind: 'unsupported', message: expect.stringContaining('@lydell/node-pty') };
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'handler-error', error: expect.objectContaining(error) }),
    );
  });

  it('is not told to run what comes before a NUL', async () => {
    const { connection, events } = await server();
    const session = await onTerminal(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('echo in\0nocent'));
    expect(await outcome).toMatchObject({ stdout: '', requests: status(255) });
    expect(events).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ kind: 'unsupported' }) }),
    );
  });
});

describe('the output of a terminal', () => {
  it('waits for a slow client, and loses nothing at the end', async () => {
    const { connection } = await server();
    const session = await onTerminal(connection);
    const length = lastValueFrom(
      session.channel.stdout$.pipe(
        // the process is over long before the last chunk was taken
        tap(() => setTimeout(holdCredit(), 30)),
        reduce((sum, { length }) => sum + length, 0),
      ),
    );
    await ask(
      session.channel,
      'exec',
      execOf('stty -opost; head -c 1000000 /dev/zero; printf end'),
    );
    expect(await length).toBe(1_000_003);
    expect(session.requests.map(({ type }) => type)).toEqual(['exit-status']);
  });

  it('stops the process while the client takes none of it', async () => {
    const { connection } = await server();
    const session = await onTerminal(connection, new Map(), SIZE, { window: 256 * 1024 });
    const releases: (() => void)[] = [];
    const reading = session.channel.stdout$
      .pipe(tap(() => releases.push(holdCredit())))
      .subscribe({ error: () => undefined });
    await ask(
      session.channel,
      'exec',
      execOf(
        'stty -opost; for i in $(seq 64); do head -c 65536 /dev/zero; echo $i >>progress; done',
      ),
    );
    const progress = (): number =>
      existsSync(inFolder('progress'))
        ? readFileSync(inFolder('progress'), 'utf8').split('\n').length - 1
        : 0;
    const last = await standstill(progress, 'the command stands still');
    expect(last).toBeLessThan(20);
    reading.unsubscribe();
    for (const release of releases) release();
    await until(() => progress() === 64, 'the command goes on');
  });
});

describe('the end of a terminal', () => {
  it('ends the process and what it has started (R12)', async () => {
    const { connection, client } = await server();
    const pids = await started(connection, 'sleep 999 & echo $$ $!; wait');
    expect(pids.map(isAlive)).toEqual([true, true]);
    connection.transport.fail(connectionLost('cut'));
    client.unsubscribe();
    await until(() => !pids.some(isAlive), 'the processes are gone');
  });

  it('ends a process that hears neither TERM nor HUP (X27)', async () => {
    const { connection, client } = await server({ killGrace: 200 });
    const [pid = 0] = await started(
      connection,
      'trap "" TERM HUP; echo $$; while :; do sleep 1; done',
    );
    expect(isAlive(pid)).toBe(true);
    client.unsubscribe();
    await until(() => !isAlive(pid), 'the process is gone');
  });

  it('gives its file descriptors back', async () => {
    const { connection } = await server();
    const open = (): number => readdirSync('/proc/self/fd').length;
    await runOn(await onTerminal(connection), 'true');
    const before = open();
    for (let at = 0; at < 20; at++) await runOn(await onTerminal(connection), 'echo on');
    await until(() => open() <= before, 'they are closed');
  });

  it('does not wait for what holds it open in the background (X27)', async () => {
    const { connection } = await server();
    const begin = performance.now();
    const session = await onTerminal(connection);
    const { requests } = await runOn(session, 'trap "" HUP; sleep 5 & echo $! >pid; exit 3');
    expect(requests).toEqual(status(3));
    expect(performance.now() - begin).toBeLessThan(4000);
    process.kill(Number(readFileSync(inFolder('pid'), 'utf8')));
  });

  it('comes with the last process where one closes its output early (X27)', async () => {
    const { connection } = await server();
    const { text, requests } = await runOn(
      await onTerminal(connection),
      'echo on; exec >/dev/null 2>&1 </dev/null; sleep 0.2; exit 4',
    );
    expect([text, requests]).toEqual(['on\n', status(4)]);
  });
});
