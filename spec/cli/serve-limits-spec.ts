/** What sshd_config's keys come to, and a real `ssh` at a server that has them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { modpGroup } from '../../src/crypto/modp.ts';
import { SERVER_KEYS } from '../../src/cli/server-keys.ts';
import { limitsOf } from '../../src/cli/serve-limits.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { describeWithPeer } from '../support/peers/peer.ts';
import { type Started, useCli } from './cli.ts';

const limits = (...options: readonly string[]): ReturnType<typeof limitsOf> =>
  limitsOf(readSettings(options, SERVER_KEYS));

describe('The keys of sshd_config', () => {
  const INFINITE = Number.POSITIVE_INFINITY;
  it.each([
    ['MaxStartups=7', { maxStartups: 7 }],
    ['MaxStartups=1:30:3', { maxStartups: { start: 1, rate: 30, full: 3 } }],
    ['MaxSessions=0', { maxSessions: 0 }],
    ['PerSourceMaxStartups=3', { maxPerSource: 3 }],
    ['PerSourceMaxStartups=none', { maxPerSource: INFINITE }],
    ['PerSourceNetBlockSize=24', { sourcePrefix: { ipv4: 24 } }],
    ['PerSourceNetBlockSize=24:64', { sourcePrefix: { ipv4: 24, ipv6: 64 } }],
    ['PerSourcePenalties=yes', { penalties: true }],
    ['PerSourcePenalties=no', { penalties: false }],
    [
      'PerSourcePenalties=authfail:5s noauth:1 grace-exceeded:10s min:15s max:10m',
      {
        penalties: {
          ...{ authFail: 5_000, noAuth: 1_000, graceExceeded: 10_000 },
          ...{ min: 15_000, max: 600_000 },
        },
      },
    ],
    ['ClientAliveInterval=15', { keepalive: { interval: 15_000 } }],
    ['ClientAliveCountMax=0', { keepalive: { countMax: INFINITE } }],
    ['UnusedConnectionTimeout=5m', { unusedTimeout: 300_000 }],
    ['UnusedConnectionTimeout=none', { unusedTimeout: 0 }],
    [
      'ChannelTimeout=session=5m direct-tcpip=1h',
      { channelTimeouts: { session: 300_000, 'direct-tcpip': 3_600_000 } },
    ],
    [
      'ChannelTimeout=agent-connection=1m forwarded-*=2m *tcpip=3m',
      {
        channelTimeouts: {
          ...{ 'auth-agent@openssh.com': 60_000, 'forwarded-tcpip': 120_000 },
          ...{ 'forwarded-streamlocal@openssh.com': 120_000, 'direct-tcpip': 180_000 },
        },
      },
    ],
    ['ChannelTimeout=none', { channelTimeouts: {} }],
    ['PerSourcePenaltyExemptList=none', { penaltyExempt: [] }],
    [
      'PerSourcePenaltyExemptList=192.0.2.7,2001:db8::/32,!10.*',
      { penaltyExempt: ['192.0.2.7', '2001:db8::/32', '!10.*'] },
    ],
    ['RekeyLimit=256K 1h', { rekey: { bytes: 262_144, milliseconds: 3_600_000 } }],
  ])('%s', (option, expected) => {
    expect(limits(option).server).toEqual({ keepalive: {}, ...expected });
  });

  it('ModuliFile', () => {
    const { p, g } = modpGroup(3072);
    const file = join(mkdtempSync(join(tmpdir(), 'rxssh-moduli-')), 'moduli');
    writeFileSync(file, `20220717143701 2 6 100 3071 2 ${p.toString(16)}\n`);
    expect(limits(`ModuliFile=${file}`).server).toEqual({ keepalive: {}, moduli: [{ p, g }] });
    writeFileSync(file, '# none\n');
    expect(() => limits(`ModuliFile=${file}`)).toThrow('has no group that can be used');
    rmSync(dirname(file), { recursive: true });
    expect(() => limits(`ModuliFile=${file}`)).toThrow('no such file');
  });

  it.each([
    ['LoginGraceTime=2m', { loginGraceTime: 120_000 }],
    ['LoginGraceTime=0', { loginGraceTime: 0 }],
    ['MaxAuthTries=3', { maxFailures: 3 }],
    ['PubkeyAcceptedAlgorithms=ssh-ed25519', { algorithms: ['ssh-ed25519'] }],
  ])('%s', (option, expected) => {
    expect(limits(option).login).toEqual(expected);
  });

  it.each([
    ...['MaxStartups=0', 'MaxStartups=10:0:20', 'MaxStartups=10:101:20', 'MaxStartups=5:30:4'],
    ...['MaxStartups=1:2:3:4', 'PerSourceMaxStartups=-1', 'PerSourceNetBlockSize=33'],
    ...['PerSourcePenalties=authfail:', 'PerSourcePenalties=maybe', 'ChannelTimeout=global=1m'],
    ...['ChannelTimeout=nothing=1m', 'ChannelTimeout=session:shell=1m', 'ChannelTimeout=*=soon'],
    ...['PerSourcePenaltyExemptList=10.0.0.1/8', 'PerSourcePenaltyExemptList=10.0.0.1,'],
    ...['PerSourcePenalties=constructor:5s', 'PerSourcePenalties=toString:5s'],
    ...['MaxAuthTries=0', 'ClientAliveInterval=-1', 'LoginGraceTime=soon', 'ChannelTimeout=x'],
  ])('refuse %s', (option) => {
    expect(() => limits(option)).toThrow();
  });
});

describeWithPeer('ssh', 'A server with limits', () => {
  const cli = useCli();
  const sockets = new Set<Socket>();
  const servers = new Set<Started>();
  let key = '';

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) {
      server.child.kill('SIGTERM');
      await server.ended;
    }
  });

  /** A server at work, and its port. */
  async function serve(...args: readonly string[]): Promise<{ started: Started; port: string }> {
    if (key === '') {
      key = cli.file('key');
      await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-f', key]);
    }
    const started = cli.start(
      [
        ...['serve', '--listen', '127.0.0.1:0', '--authorized-keys', `${key}.pub`],
        ...['--allow-exec', ...args],
      ],
      { isOpen: true },
    );
    servers.add(started);
    const [, port = ''] = await started.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    return { started, port };
  }

  /** A real ssh. */
  function ssh(port: string, command: string, ...args: readonly string[]): ReturnType<typeof run> {
    return run(['-i', key, '-p', port, ...args, '127.0.0.1', command]);
  }

  function run(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    const quiet = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'];
    const files = ['-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'];
    return spawnSync('ssh', [...quiet, ...files, ...args], {
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 32 * 1024 * 1024,
      env: { PATH: process.env['PATH'], HOME: cli.file('.') },
    });
  }

  const silent = (port: string): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => resolve(socket));
      sockets.add(socket.on('error', () => undefined));
    });

  it('takes the algorithms that it was told, and only those', async () => {
    const { port } = await serve(
      ...['-o', 'Ciphers=aes256-ctr', '-o', 'MACs=hmac-sha2-512-etm@openssh.com'],
      ...['-o', 'KexAlgorithms=ecdh-sha2-nistp384', '-o', 'HostKeyAlgorithms=ssh-ed25519'],
    );
    const good = ssh(port, 'echo in', '-v');
    expect(good.stdout).toBe('in\n');
    expect(good.stderr).toMatch(/kex: algorithm: ecdh-sha2-nistp384/);
    expect(good.stderr).toMatch(/cipher: aes256-ctr MAC: hmac-sha2-512-etm@openssh.com/);
    const bad = ssh(port, 'echo in', '-c', 'aes128-ctr');
    expect(bad.status).toBe(255);
    expect(bad.stderr).toContain('no matching cipher found');
  });

  it('changes keys by RekeyLimit under a real ssh', async () => {
    const { port } = await serve('-o', 'RekeyLimit=64K');
    const { stdout, stderr } = ssh(port, 'head -c 1000000 /dev/zero', '-v');
    expect(stdout).toHaveLength(1_000_000);
    expect(stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(8);
  });

  it('changes keys as often as a real ssh asks for while it works', async () => {
    const { port } = await serve();
    // ssh takes its time for sntrup761, its first choice
    const often = ['-o', 'RekeyLimit=16K', '-o', 'KexAlgorithms=curve25519-sha256', '-v'];
    const { status, stdout, stderr } = ssh(port, 'head -c 8000000 /dev/zero', ...often);
    expect([status, stdout.length]).toEqual([0, 8_000_000]);
    expect(stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0).toBeGreaterThan(8);
  });

  it('forces its command, takes the variables it allows, and shows its banner from a file', async () => {
    const banner = cli.file('banner');
    writeFileSync(banner, 'be kind\n');
    const { port } = await serve(
      ...['-o', 'ForceCommand=echo forced "$LC_X$OTHER"', '-o', 'AcceptEnv=LC_*'],
      ...['-o', `Banner=${banner}`],
    );
    const set = ['-o', 'SetEnv=LC_X=yes OTHER=no'];
    expect(ssh(port, 'id', ...set)).toMatchObject({ status: 0, stdout: 'forced yes\n' });
    expect(ssh(port, 'id').stderr).toContain('be kind');
  });

  it('turns away a fourth that has not logged in, and a client after its tries', async () => {
    const { port } = await serve(
      ...['-o', 'MaxStartups=3', '-o', 'LoginGraceTime=2', '-o', 'MaxAuthTries=1'],
    );
    for (let i = 0; i < 3; i++) await silent(port);
    expect(ssh(port, 'echo in').status).toBe(255);
    const waits = [...sockets].slice(-3);
    await Promise.all(
      waits.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve))),
    );
    expect(ssh(port, 'echo in').stdout).toBe('in\n');
    const other = cli.file('other');
    await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-f', other]);
    const wrong = run(['-i', other, '-p', port, '127.0.0.1', 'echo in']);
    expect(wrong.status).toBe(255);
  });

  it('turns a source away that has offended', async () => {
    const { port, started } = await serve('-o', 'PerSourcePenalties=authfail:60s min:1s');
    const other = cli.file('another');
    await cli.run(['keygen', '-t', 'ed25519', '-N', '', '-f', other]);
    expect(run(['-i', other, '-p', port, '127.0.0.1', 'echo in']).status).toBe(255);
    expect(ssh(port, 'echo in').status).toBe(255);
    started.child.kill('SIGTERM');
    expect((await started.ended).stderr).toMatch(/127\.0\.0\.1 port \d+: refused: penalties\n/);
  });

  it('asks whether its client is there, and ends an unused connection', async () => {
    const { port } = await serve(
      ...['-o', 'ClientAliveInterval=1', '-o', 'UnusedConnectionTimeout=2'],
    );
    const { status, stderr } = run(['-i', key, '-p', port, '-N', '-v', '127.0.0.1']);
    expect(status).toBe(255);
    expect(stderr).toMatch(/client_input_global_request: rtype keepalive@openssh.com/);
  });

  it('has no more sessions than MaxSessions', async () => {
    const { port } = await serve('-o', 'MaxSessions=0');
    const { status, stderr } = ssh(port, 'echo in');
    expect(status).toBe(255);
    expect(stderr).toContain('too many sessions');
  });
});
