import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, reduce, tap } from 'rxjs';
import type { SshConnection } from '../../src/channels/connection.ts';
import { signal } from '../../src/messages/channel-requests.ts';
import { holdCredit } from '../../src/operators/credit.ts';
import { childProcess, type ChildProcessOptions } from '../../src/server/child-process-node.ts';
import type { ServeOptions } from '../../src/server/options.ts';
import type { DuplexPeer } from '../../src/streams/byte-duplex.ts';
import { connectionLost } from '../../src/streams/ending.ts';
import { utf8Text } from '../../src/wire/bytes.ts';
import { noise, sha256 } from '../support/noise.ts';
import { isAlive, standstill, until } from '../support/processes.ts';
import {
  ask,
  closePairs,
  envOf,
  execOf,
  openSession,
  outcomeOf,
  pair,
  type Pair,
  run,
  type Session,
} from './raw-client.ts';
import { useTempFolder } from '../support/temp-folder.ts';

afterEach(closePairs);
const inFolder = useTempFolder();

const status = (value: number): unknown => [{ type: 'exit-status', value }];

function server(
  options: ChildProcessOptions = {},
  more: Partial<ServeOptions> = {},
  peer?: DuplexPeer,
): Promise<Pair> {
  const handler = childProcess({ cwd: inFolder(), ...options });
  return pair({ exec: handler, shell: handler, ...more }, peer && { peer });
}

/** Starts a command and waits until it has written a line, whose text is returned. */
async function started(
  connection: SshConnection,
  command: string,
): Promise<Session & { readonly line: string }> {
  const session = await openSession(connection);
  const line = firstValueFrom(session.channel.stdout$);
  if (!(await ask(session.channel, 'exec', execOf(command)))) throw new Error('refused');
  return { ...session, line: utf8Text(await line).trim() };
}

describe('childProcess', () => {
  it.each([
    ['exit 0', '', '', status(0)],
    ['exit 7', '', '', status(7)],
    ['exit 255', '', '', status(255)],
    ['echo out; echo err >&2', 'out\n', 'err\n', status(0)],
    ['printf %s "a b"', 'a b', '', status(0)],
    ['pwd', '<folder>\n', '', status(0)],
    ['true', '', '', status(0)],
    ['no-such-command-at-all 2>/dev/null', '', '', status(127)],
    ['cat', 'hello', '', status(0)],
  ])('%s', async (command, stdout, stderr, requests) => {
    const { connection } = await server();
    const outcome = await run(connection, command, 'hello');
    expect({ ...outcome, stdout: outcome.stdout.replace(inFolder(), '<folder>') }).toEqual({
      ...{ stdout, stderr, requests },
    });
  });

  it('reports the signal that has ended a command', async () => {
    const { connection } = await server();
    expect((await run(connection, 'kill -TERM $$; sleep 5')).requests).toMatchObject([
      { type: 'exit-signal', value: { signal: 'TERM' } },
    ]);
  });

  it('runs a shell without a terminal', async () => {
    const { connection } = await server();
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    expect(await ask(session.channel, 'pty-req', new Uint8Array(0))).toBe(false);
    expect(await ask(session.channel, 'shell')).toBe(true);
    session.channel.stdin.pump('echo in a shell; exit 3\n').subscribe();
    expect(await outcome).toEqual({ stdout: 'in a shell\n', stderr: '', requests: status(3) });
  });

  it('carries 20 MiB in and out', async () => {
    const { connection } = await server();
    const bytes = noise(20 * 1024 * 1024);
    const session = await openSession(connection);
    const hash = lastValueFrom(
      session.channel.stdout$.pipe(reduce((sum, chunk) => sum.update(chunk), createHash('sha256'))),
    );
    await ask(session.channel, 'exec', execOf('tee copy'));
    await lastValueFrom(session.channel.stdin.pump(bytes));
    expect((await hash).digest('hex')).toBe(sha256(bytes));
    expect(sha256(readFileSync(inFolder('copy')))).toBe(sha256(bytes));
  });

  it('stops a command whose output the client does not take', async () => {
    const { connection } = await server();
    const session = await openSession(connection, { window: 65_536 });
    const releases: (() => void)[] = [];
    const reading = session.channel.stdout$
      .pipe(tap(() => releases.push(holdCredit())))
      .subscribe();
    await ask(
      session.channel,
      'exec',
      execOf('for i in $(seq 64); do head -c 65536 /dev/zero; echo $i >> progress; done'),
    );
    const progress = (): number =>
      existsSync(inFolder('progress'))
        ? readFileSync(inFolder('progress'), 'utf8').split('\n').length - 1
        : 0;
    const last = await standstill(progress, 'the command stands still');
    // the window, the pipe and what was read ahead of it
    expect(last).toBeLessThan(20);
    reading.unsubscribe();
    for (const release of releases) release();
    await until(() => progress() === 64, 'the command goes on');
  });

  it('gives the command a few variables, and the allowed ones of the client', async () => {
    process.env['RXSSH_SPEC_SECRET'] = 'of the server';
    try {
      const { connection } = await server({ env: { LC_TIME: 'forced' } }, { acceptEnv: ['LC_*'] });
      const session = await openSession(connection);
      const outcome = outcomeOf(session);
      for (const [name, value] of [
        ...[['LC_ALL', 'a b\nc'] as const, ['LC_TIME', 'client'] as const],
        ...[['LD_PRELOAD', '/x.so'] as const, ['NODE_OPTIONS', '--x'] as const],
      ]) {
        await ask(session.channel, 'env', envOf(name, value));
      }
      await ask(session.channel, 'exec', execOf('env -0'));
      const { stdout } = await outcome;
      const seen = new Map(
        stdout.split('\0').map((each) => {
          const at = each.indexOf('=');
          return [each.slice(0, at), each.slice(at + 1)];
        }),
      );
      expect(seen.get('LC_ALL')).toBe('a b\nc');
      expect(seen.get('LC_TIME')).toBe('forced');
      expect(seen.get('HOME')).toBe(homedir());
      expect(seen.get('USER')).toBe(userInfo().username);
      expect(seen.get('SHELL')).toBe('/bin/sh');
      for (const name of ['LD_PRELOAD', 'NODE_OPTIONS', 'RXSSH_SPEC_SECRET']) {
        expect(seen.has(name)).toBe(false);
      }
    } finally {
      delete process.env['RXSSH_SPEC_SECRET'];
    }
  });

  it('gives the command what the server knows of the client, unless an option says otherwise', async () => {
    const { connection } = await server(
      { env: { SSH_CONNECTION: 'somewhere' } },
      { acceptEnv: ['SSH_*'] },
      { address: '192.0.2.1', port: 1, local: { address: '192.0.2.2', port: 22 } },
    );
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'env', envOf('SSH_CLIENT', 'forged'));
    await ask(session.channel, 'exec', execOf('echo "$SSH_CLIENT, $SSH_CONNECTION"'));
    expect((await outcome).stdout).toBe('192.0.2.1 1 22, somewhere\n');
  });

  it.each([
    ['closes the channel', ({ session }: { session: Session }): void => session.channel.close()],
    ['disconnects', ({ made }: { made: Pair }): void => made.client.unsubscribe()],
    [
      'is cut off',
      ({ made }: { made: Pair }): void => made.connection.transport.fail(connectionLost()),
    ],
    ['is let go by the server', ({ made }: { made: Pair }): void => made.server.unsubscribe()],
  ])('ends the command and what it has started when the client %s', async (_name, end) => {
    const made = await server();
    const session = await started(made.connection, 'sleep 999 & echo $$ $!; wait');
    const pids = session.line.split(' ').map(Number);
    expect(pids.map(isAlive)).toEqual([true, true]);
    end({ made, session });
    await until(() => !pids.some(isAlive), 'the processes are gone');
  });

  it('kills a command that does not hear', async () => {
    const made = await server({ killGrace: 100 });
    const session = await started(
      made.connection,
      `trap '' TERM HUP; sleep 999 & echo $$ $!; while :; do wait; done`,
    );
    const pids = session.line.split(' ').map(Number);
    made.client.unsubscribe();
    await until(() => !pids.some(isAlive), 'the processes are gone');
  });

  it('kills a command that is stopped', async () => {
    const made = await server({ killGrace: 100 });
    const { line } = await started(made.connection, 'echo $$; kill -STOP $$; sleep 999');
    made.client.unsubscribe();
    await until(() => !isAlive(Number(line)), 'the process is gone');
  });

  it('hands the signals of the client on, and only those of the list', async () => {
    const { connection } = await server();
    const session = await started(
      connection,
      `trap 'echo usr1; exit 4' USR1; echo ready; while :; do sleep 0.01; done`,
    );
    session.channel.notify('signal', signal.encode({ name: 'STOP' }));
    session.channel.notify('signal', signal.encode({ name: 'toString' }));
    session.channel.notify('signal', signal.encode({ name: 'USR1' }));
    await firstValueFrom(session.channel.closed$);
    expect(session.requests.map(({ payload }) => [...payload])).toEqual([[0, 0, 0, 4]]);
  });

  it('runs one command only, when told to', async () => {
    const { connection } = await server({
      command: 'echo "asked: $SSH_ORIGINAL_COMMAND"; sleep 0.1',
    });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('rm -rf x'));
    session.channel.notify('signal', signal.encode({ name: 'KILL' }));
    expect(await outcome).toEqual({
      ...{ stdout: 'asked: rm -rf x\n', stderr: '', requests: status(0) },
    });
  });

  it.each<readonly [string, boolean, string, Uint8Array | undefined, string]>([
    ['an exec', false, 'exec', execOf('rm -rf x'), 'A=1 asked: rm -rf x\n'],
    ['a shell', false, 'shell', undefined, 'A=1 asked: \n'],
    ['an exec, under a command of the server', true, 'exec', execOf('ls'), 'asked: ls\n'],
    ['a shell, under a command of the server', true, 'shell', undefined, 'asked: \n'],
  ])(
    'runs the command of the login for %s',
    async (_name, isServerForced, type, payload, stdout) => {
      const command = 'echo "${A:+A=$A }asked: $SSH_ORIGINAL_COMMAND"';
      const permissions = { command, ...(isServerForced ? {} : { environment: { A: '1' } }) };
      const { connection } = await server(isServerForced ? { command } : {}, {
        authenticate: () => ({ accept: true, permissions }),
      });
      const session = await openSession(connection);
      const outcome = outcomeOf(session);
      expect(await ask(session.channel, type, payload)).toBe(true);
      expect(await outcome).toEqual({ stdout, stderr: '', requests: status(0) });
    },
  );

  it.each<readonly [string, ChildProcessOptions]>([
    ['shell', { shell: '/no/such/shell' }],
    ['folder', { cwd: '/no/such/folder' }],
  ])('tells of a %s that is not there', async (_name, options) => {
    const { connection } = await server(options);
    expect(await run(connection, 'x')).toEqual({
      ...{ stdout: '', stderr: 'cannot run the command: ENOENT\n', requests: status(127) },
    });
  });

  it('is status 255 for what no process can be given', async () => {
    const { connection, events } = await server();
    expect((await run(connection, 'echo \0')).requests).toEqual(status(255));
    expect(events.filter(({ type }) => type === 'handler-error')).toHaveLength(1);
  });

  it('refuses a command that is not UTF-8, and one too many', async () => {
    const { connection } = await server({ maxChildren: 1 });
    const { channel } = await openSession(connection);
    expect(await ask(channel, 'exec', execOf(new Uint8Array([0x65, 0xff])))).toBe(false);
    const first = await started(connection, 'echo; cat');
    expect(await ask(channel, 'exec', execOf('true'))).toBe(false);
    first.subscription.unsubscribe();
    let isGranted = false;
    for (let i = 0; i < 100 && !isGranted; i++) {
      isGranted = await ask(channel, 'exec', execOf('true'));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(isGranted).toBe(true);
  });

  it('does not wait for what holds the pipes open in the background', async () => {
    const { connection } = await server({}, { outputGrace: 100 });
    const began = performance.now();
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('sleep 5 & echo $!; exit 6'));
    const { stdout, requests } = await outcome;
    expect(requests).toEqual(status(6));
    expect(performance.now() - began).toBeLessThan(2000);
    // it was left in the background on purpose
    expect(isAlive(Number(stdout))).toBe(true);
    process.kill(Number(stdout));
  });

  it('does not wait for what writes on for ever in the background', async () => {
    const { connection } = await server({}, { outputGrace: 100 });
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('yes & exit 6'));
    expect((await outcome).requests).toEqual(status(6));
  });

  it('gets by with a command that does not read', async () => {
    const { connection } = await server();
    const bytes = noise(4 * 1024 * 1024);
    const outcome = await run(connection, 'exec head -c 4 >/dev/null', bytes);
    expect(outcome.requests).toEqual(status(0));
  });

  it('ends a command whose output nobody reads any more', async () => {
    const { connection } = await server();
    const session = await openSession(connection);
    const outcome = outcomeOf(session);
    await ask(session.channel, 'exec', execOf('exec yes'));
    session.channel.notify('eow@openssh.com');
    const { requests } = await outcome;
    // by SIGPIPE, or by its own word when the pipe was not empty
    expect(requests).toHaveLength(1);
    expect(requests).not.toEqual(status(0));
  });

  it('keeps stdin open until the client ends it, and not longer', async () => {
    const { connection } = await server();
    const session = await started(connection, 'echo ready; cat > copy; echo done');
    session.channel.stdin.pump('hello').subscribe();
    await firstValueFrom(session.channel.closed$);
    expect(readFileSync(inFolder('copy'), 'utf8')).toBe('hello');
  });
});
