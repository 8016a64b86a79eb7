import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { poll } from '../support/peers/peer.ts';
import { type Ended, type StartOptions, useCli, useServer } from './cli.ts';

const cli = useCli();
const server = useServer(cli);

/** Runs a command on hosts; `@` stands for the server. */
function exec(
  hosts: string,
  command: string,
  more: readonly string[] = [],
  options: StartOptions = {},
): Promise<Ended> {
  return cli.run(commandLine(hosts, command, more), options);
}

function commandLine(hosts: string, command: string, more: readonly string[] = []): string[] {
  const names = hosts.split(' ').map((name) => name.replace(/^(.*@)?@$/, `$1${server().host}`));
  return ['exec', ...server().options, ...more, ...names, '--', command];
}

const text = ({ stdout }: Ended): string => stdout.toString();
const lines = (output: string): string[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .sort();
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('rxssh exec on one host', () => {
  it('passes stdin, stdout and stderr through byte for byte, and the status', async () => {
    const input = randomBytes(1024 * 1024);
    const ended = await exec('@', 'cat; printf "\\377 no end" >&2; exit 7', [], { stdin: input });
    expect(ended.status).toBe(7);
    expect(ended.stdout.equals(input)).toBe(true);
    expect(ended.stderr).toBe('\uFFFD no end');
  });

  it.each([0, 1, 2, 127, 128, 254, 255])(
    'L6: ends with status %d like its command',
    async (status) => {
      expect(await exec('@', `exit ${String(status)}`)).toMatchObject({ status, stderr: '' });
    },
  );

  it('ends with 128 and the number of the signal that killed the command', async () => {
    const ended = await exec('@', 'kill -9 $$');
    expect(ended.status).toBe(137);
    expect(ended.stderr).toBe('rxssh: the command was killed by signal KILL\n');
  });

  it('joins the words of the command with blanks, for the remote shell', async () => {
    const args = commandLine('@', 'echo');
    expect(text(await cli.run([...args, 'a   b', "'c   d'", '-n', '--', '$((1+1))']))).toBe(
      'a b c   d -n -- 2\n',
    );
  });

  it('gives the command an empty input with -n', async () => {
    const ended = await exec('@', 'cat; echo end', ['-n'], { stdin: 'not read' });
    expect(text(ended)).toBe('end\n');
  });

  it('sets variables that the server accepts, and no others', async () => {
    const ended = await exec('@', 'echo "$A"', ['-o', 'SetEnv=A=1']);
    expect(ended).toMatchObject({ status: 0 });
    expect(text(ended)).toBe('\n');
  });

  it('L6: ends within a second when nobody reads its output any more', async () => {
    const { child, printed, ended } = cli.start(commandLine('@', 'yes'));
    await printed(/y/);
    const begin = performance.now();
    child.stdout.destroy();
    expect((await ended).status).toBe(141);
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('ends the command when it gets %s', async (signal, status) => {
    const { child, printed, ended } = cli.start(commandLine('@', 'echo $$; exec sleep 300'));
    const pid = Number((await printed(/^(\d+)\n/))[1]);
    expect(isAlive(pid)).toBe(true);
    child.kill(signal);
    expect((await ended).status).toBe(status);
    await poll(3000, 'the command goes on', String, () => (isAlive(pid) ? undefined : true));
  });

  it('ends the command at the timeout, and keeps what it has said', async () => {
    const ended = await exec('@', 'echo half; exec sleep 300', ['--timeout', '1.5']);
    expect(ended.status).toBe(255);
    expect(text(ended)).toBe('half\n');
    expect(ended.stderr).toContain('no end within 1500 ms');
  });
});

describe('L6: rxssh exec that does not get so far ends with 255', () => {
  it('when nobody listens', async () => {
    const ended = await cli.run(['exec', '127.0.0.1:1', '--', 'true']);
    expect(ended).toMatchObject({ status: 255 });
    expect(ended.stderr).toMatch(
      /^rxssh: 127\.0\.0\.1:1: cannot connect to 127\.0\.0\.1: .*ECONNREFUSED/,
    );
  });

  it('when the host key is not known and nobody can be asked', async () => {
    const known = [
      '-o',
      `UserKnownHostsFile=${cli.file('none')}`,
      '-o',
      'GlobalKnownHostsFile=none',
    ];
    const args = ['exec', '-i', server().key, ...known, server().host, '--', 'true'];
    const ended = await cli.run(args);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('is not trusted: the host is not in known_hosts');
    expect(ended.stderr).toContain('-o StrictHostKeyChecking=accept-new adds the key');
    expect((await cli.run([...args.slice(0, 1), '-q', ...args.slice(1)])).stderr).not.toContain(
      'accept-new',
    );
  });

  it('L7: when the host key has changed, also with StrictHostKeyChecking=no', async () => {
    const { host, port, key } = server();
    const other = cli.file('other');
    await cli.run(['keygen', '-N', '', '-f', other, '-q']);
    const line = readFileSync(`${other}.pub`, 'utf8');
    writeFileSync(cli.file('changed'), `[127.0.0.1]:${String(port)} ${line}`);
    const known = ['-o', `UserKnownHostsFile=${cli.file('changed')}`];
    const args = [
      'exec',
      '-i',
      key,
      ...known,
      '-o',
      'StrictHostKeyChecking=no',
      host,
      '--',
      'true',
    ];
    const ended = await cli.run(args);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('another key is known for this host');
  });

  it('tells once of each line of known_hosts that cannot be read, with -v', async () => {
    const known = cli.file('unreadable');
    writeFileSync(known, 'db1 ssh-ed25519 AAAA!!\n');
    const more = ['-v', '-o', `UserKnownHostsFile=${known}`];
    const ended = await exec('@ @', 'true', more);
    expect(ended.status).toBe(0);
    expect(ended.stderr.split(`rxssh: ${known}:1: `)).toHaveLength(2);
  });

  it('L7: warns loudly when StrictHostKeyChecking=no lets an unknown key pass', async () => {
    const known = [
      '-o',
      `UserKnownHostsFile=${cli.file('empty')}`,
      '-o',
      'StrictHostKeyChecking=no',
    ];
    const args = ['exec', '-i', server().key, ...known, server().host, '--', 'echo in'];
    const ended = await cli.run(args);
    expect(ended.status).toBe(0);
    expect(ended.stderr).toMatch(/WARNING: the host key .* is unknown and NOT CHECKED/);
  });

  it('when no key is let in, with every attempt', async () => {
    const key = cli.file('stranger');
    await cli.run(['keygen', '-N', '', '-f', key, '-q']);
    const ended = await cli.run([
      ...['exec', '-i', key, '-o', 'StrictHostKeyChecking=accept-new', server().host, '--', 'true'],
    ]);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toMatch(
      /authentication failed .* publickey ssh-ed25519 SHA256:\S+ .* rejected/,
    );
  });

  describe('when the server says nothing', () => {
    const silent = createServer((socket) => socket.on('error', () => {}).resume());
    beforeAll(async () => {
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
    });
    afterAll(() => new Promise((resolve) => silent.close(resolve)));

    it('after ConnectTimeout', async () => {
      const { port } = silent.address() as AddressInfo;
      const begin = performance.now();
      const ended = await cli.run([
        ...['exec', '-o', 'ConnectTimeout=1', `127.0.0.1:${String(port)}`, '--', 'true'],
      ]);
      expect(ended.status).toBe(255);
      expect(ended.stderr).toContain('no login within 1 s');
      expect(performance.now() - begin).toBeLessThan(5000);
    });
  });
});

describe('rxssh exec on many hosts', () => {
  it('puts the host in front of each line, and a summary behind', async () => {
    const ended = await exec('a@@ b@@', 'echo one; printf two; echo err >&2');
    const [a, b] = [`a@${server().host}`, `b@${server().host}`];
    expect(ended.status).toBe(0);
    expect(lines(text(ended))).toEqual([`${a}: one`, `${a}: two`, `${b}: one`, `${b}: two`]);
    expect(lines(ended.stderr)).toEqual([
      `${a}: err`,
      `${b}: err`,
      expect.stringMatching(
        /^rxssh: 2 hosts: 2 ok, 0 failed, 0 errors; largest status 0; \d+\.\d s$/,
      ),
    ]);
  });

  it('takes ranges, and sends its input to all', async () => {
    const ended = await exec('u[01-03]@@', 'wc -c', [], { stdin: 'x'.repeat(100_000) });
    expect(lines(text(ended)).map((line) => line.replace(/@.*: */, ' '))).toEqual([
      'u01 100000',
      'u02 100000',
      'u03 100000',
    ]);
  });

  it('goes on when a host fails, and ends with the largest status', async () => {
    const ended = await exec('127.0.0.1:1 @', 'echo here; exit 3');
    expect(ended.status).toBe(255);
    expect(text(ended)).toBe(`${server().host}: here\n`);
    expect(ended.stderr).toContain('rxssh: 127.0.0.1:1: connect: cannot connect');
    expect(ended.stderr).toContain(`rxssh: ${server().host}: the command ended with status 3`);
    expect(ended.stderr).toContain(
      '2 hosts: 0 ok, 1 failed, 1 errors (connect 1); largest status 255',
    );
  });

  it('reads hosts from a file', async () => {
    writeFileSync(
      cli.file('hosts'),
      `# all of them\na@${server().host} # the first\n\n  b@${server().host}\n`,
    );
    const ended = await cli.run([
      ...['exec', ...server().options, '--hosts', cli.file('hosts'), '-q', '--', 'echo ok'],
    ]);
    expect(lines(text(ended))).toEqual([`a@${server().host}: ok`, `b@${server().host}: ok`]);
    expect(ended.stderr).toBe('');
  });

  it('prints equal outputs once with --gather', async () => {
    const ended = await exec('a@@ b@@ 127.0.0.1:1', 'echo same; echo err >&2; exit 4', [
      '--gather',
    ]);
    const { host } = server();
    expect(text(ended)).toBe(
      `--- a@${host},b@${host} (2): ended with status 4\nsame\n--- 127.0.0.1:1: connect\n`,
    );
    expect(ended.stderr).toMatch(/^err\n/);
    expect(ended.stderr).toContain('rxssh: 127.0.0.1:1: cannot connect');
    expect(ended.status).toBe(255);
  });

  it('lets no output look whole that is too much to gather', async () => {
    const command = 'echo begin; head -c 2000000 /dev/zero; sleep 0.2; exit 0';
    const ended = await exec('a@@ b@@', command, ['--gather']);
    expect(text(ended)).toMatch(/^--- .*: overflow\nbegin\n/);
    expect(ended.stderr).toContain('more than 1048576 bytes of output');
    expect(ended.stderr).toContain('0 ok, 0 failed, 2 errors (overflow 2)');
    expect(ended.status).toBe(255);
  });

  it('stops at the first failure with --fail-fast', async () => {
    const ended = await exec('127.0.0.1:1 @', 'sleep 300', ['--fail-fast']);
    expect(ended.status).toBe(255);
    expect(ended.stderr).toContain('0 failed, 1 errors (connect 1), 1 cut off');
  });

  it('prints one event a line with --json, and nothing else', async () => {
    const command = 'printf "\\303"; sleep 0.2; printf "\\251\\n"; printf "\\377" >&2; exit 3';
    const ended = await exec('a@@ 127.0.0.1:1', command, ['--json']);
    const events = text(ended)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.every(({ time }) => !Number.isNaN(Date.parse(String(time))))).toBe(true);
    const of = (name: string): Record<string, unknown>[] =>
      events.filter(({ host }) => host === name).map(({ time: _, host: __, ...rest }) => rest);
    expect(of('127.0.0.1:1')).toEqual([
      { event: 'started', attempt: 1 },
      { event: 'error', kind: 'connect', message: expect.stringContaining('cannot connect') },
      { event: 'done', attempts: 1, seconds: expect.any(Number) },
    ]);
    const a = of(`a@${server().host}`);
    const output = a.filter(({ event }) => event === 'stdout').map((event) => event['text']);
    expect(output.join('')).toBe('é\n');
    expect(a).toContainEqual({ event: 'stderr', base64: '/w==' });
    expect(a.slice(-2)).toEqual([
      { event: 'exit', status: 3 },
      { event: 'done', attempts: 1, seconds: expect.any(Number) },
    ]);
    expect(events.at(-1)).toMatchObject({
      ...{ event: 'summary', hosts: 2, ok: 0, failed: 1, errors: 1, largestStatus: 255 },
      errorsByKind: { connect: 1 },
      seconds: expect.any(Number),
    });
    expect(ended.stderr).toBe('');
  });
});
