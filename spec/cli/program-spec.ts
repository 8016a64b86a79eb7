/** Mistakes on the command line, and what is not there yet: all told before anything is connected to. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom } from 'rxjs';
import { program } from '../../src/cli/program.ts';
import { run } from '../../src/cli/run.ts';

interface Told {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function told(...args: readonly string[]): Promise<Told> {
  const streams = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  };
  const io = { ...streams, env: {}, terminal: undefined };
  const status = await run(program(args, io), io);
  const text = (stream: PassThrough): string => String(stream.read() ?? '');
  return { status, stdout: text(streams.stdout), stderr: text(streams.stderr) };
}

describe('the command line', () => {
  it.each<readonly [args: string, message: RegExp | string]>([
    ['', /^Usage: rxssh/],
    ['nonsense', /unknown command 'nonsense'/],
    ['-- -oProxyCommand=x', /^Usage: rxssh/],
    ['exec h', 'rxssh: no command: write it behind --\n'],
    ['exec -- ls', 'rxssh: no host was given\n'],
    ['exec --', 'rxssh: no command: write it behind --\n'],
    ['exec --nonsense h -- ls', "rxssh: unknown option '--nonsense'\n"],
    ['exec h uname -r', "rxssh: unknown option '-r'\nrxssh: no command: write it behind --\n"],
    [
      'exec h ls -l',
      "rxssh: option '-l <user>' argument missing\nrxssh: no command: write it behind --\n",
    ],
    ['exec -o ProxyCommand=%x h -- ls', 'rxssh: ProxyCommand: there is no token %x\n'],
    ['exec -o ProxyCommand=nc% h -- ls', 'rxssh: ProxyCommand: a % at the end is no token\n'],
    ["exec -o ProxyCommand=n'c h -- ls", 'rxssh: ProxyCommand: a quote is not closed\n'],
    ['exec -o ProxyCommand=nc -J b h -- ls', /^rxssh: ProxyCommand and ProxyJump: /],
    ['exec -A h -- ls', 'rxssh: -A is not there yet\n'],
    ['exec -F my h -- ls', 'rxssh: -F my is not there yet\n'],
    ['exec -o ForwardX11=yes h -- ls', 'rxssh: -o ForwardX11=yes is not there yet\n'],
    ['exec -o forwardx11=YES h -- ls', 'rxssh: -o ForwardX11=YES is not there yet\n'],
    ['exec -o CertificateFile=c h -- ls', 'rxssh: -o CertificateFile=c is not there yet\n'],
    ['exec -o RevokedHostKeys=f h -- ls', 'rxssh: -o RevokedHostKeys=f is not there yet\n'],
    ['forward -R 0 -o PermitRemoteOpen=a:b:c h', /PermitRemoteOpen: "a:b:c" is not valid/],
    ['keyscan -t constructor h', /"constructor" is none of rsa, ecdsa, ed25519/],
    ['exec -o Nonsense=1 h -- ls', 'rxssh: -o Nonsense: OpenSSH has no such option\n'],
    ['exec -o Port h -- ls', 'rxssh: -o "Port": expected Key=Value\n'],
    ['exec -o Port= h -- ls', 'rxssh: -o Port: has no value\n'],
    ['exec -p 0 h -- ls', 'rxssh: Port: "0" is not valid: expected a number from 1 to 65535\n'],
    [
      'exec -o BatchMode=maybe h -- ls',
      'rxssh: BatchMode: "maybe" is not valid: expected yes or no\n',
    ],
    ['exec -o StrictHostKeyChecking=never h -- ls', /expected yes, accept-new, ask, no, off\n$/],
    [
      'exec -o Ciphers=none h -- ls',
      /^rxssh: Ciphers: none is not an algorithm that rxssh has, which /,
    ],
    ['exec -o MACs=-* h -- ls', 'rxssh: MACs: the list is empty\n'],
    ['exec -o RekeyLimit=1X h -- ls', /RekeyLimit: "1X" is not valid: expected a size/],
    ['exec -o ConnectTimeout=soon h -- ls', /ConnectTimeout: "soon" is not valid: expected a time/],
    ['exec -o PreferredAuthentications=x h -- ls', /"x" is no authentication method/],
    [
      'exec -o PreferredAuthentications=hostbased h -- ls',
      /no authentication method that is there is left/,
    ],
    ['exec -o SetEnv=A h -- ls', 'rxssh: SetEnv: "A": expected NAME=VALUE\n'],
    ['ls -o SetEnv=A h:a', 'rxssh: SetEnv: "A": expected NAME=VALUE\n'],
    ['ls -o RequestTTY=banana h:a', /^rxssh: RequestTTY: "banana" is not valid/],
    ['exec -o EscapeChar=xy h -- ls', /^rxssh: EscapeChar: "xy": expected a character/],
    ['exec -o IdentityFile=%d/id h -- ls', /tokens such as %d\/id are not there yet/],
    ['exec --concurrency 0 h -- ls', /--concurrency: "0" is not valid/],
    ['exec --timeout never h -- ls', /--timeout: "never" is not valid/],
    ['exec --retries -1 h -- ls', /--retries: "-1" is not valid/],
    ['exec --json --gather h -- ls', 'rxssh: --json and --gather exclude each other\n'],
    ['exec --hosts /nonexistent -- ls', /^rxssh: --hosts \/nonexistent: ENOENT/],
    [
      'exec web[3-1] -- ls',
      'rxssh: host pattern "web[3-1]" has a range that runs backward (character 5)\n',
    ],
    ['exec -l -x h -- ls', 'rxssh: User: "-x" is no user name\n'],
    ['exec `id` -- ls', 'rxssh: "`id`" is not a host name\n'],
    ['exec $(touch,p)@h -- ls', /has a user name that is not allowed/],
    ['exec ssh://h:x -- ls', /has a port that is none/],
    ['exec -o HostName=a;b h -- ls', /is not a host name/],
    ['shell -e xy h', 'rxssh: EscapeChar: "xy": expected a character, ^LETTER or none\n'],
    ['get -r h:a', 'rxssh: get: expected HOST:REMOTE... LOCAL\n'],
    ['get h a', 'rxssh: "h": expected HOST:PATH\n'],
    ['put a', 'rxssh: put: expected LOCAL... HOST:REMOTE\n'],
    ['put h:a b', 'rxssh: "b": expected HOST:PATH\n'],
    ['ls', /missing required argument/],
    ['ls h', 'rxssh: "h": expected HOST:PATH\n'],
    ['ls h:a -- b', 'rxssh: ls takes nothing behind --\n'],
    ['sftp', /missing required argument/],
    ['sftp -b /none/x h', /^rxssh: -b \/none\/x: ENOENT/],
    ['sftp -- h', /missing required argument/],
    ['sftp -oProxyCommand=%x h', 'rxssh: ProxyCommand: there is no token %x\n'],
    ['agent list', 'rxssh: agent is not there yet\n'],
    ['keygen -t ed25519', 'rxssh: keygen: -f FILE is missing\n'],
    ['keygen -t x -f x', 'rxssh: keygen: "x" is no type of key\n'],
    ['keygen -t ecdsa -b 100 -f x', 'rxssh: -b 100: ecdsa has 256, 384 and 521\n'],
    ['keygen -f x -- y', 'rxssh: keygen takes nothing behind --\n'],
    ['serve', /^rxssh: serve: nobody could log in/],
    ['serve --user me', /^rxssh: serve: nobody could log in/],
    ['serve --password p', 'rxssh: serve: --password needs --user NAME\n'],
    ['serve --user a --password b --listen here', 'rxssh: --listen "here": expected ADDR:PORT\n'],
    ['serve --user a --password b -o TrustedUserCAKeys=f', /is not there yet/],
    ['serve --user a --password b -o MaxStartups=10:30:5', /MaxStartups: "10:30:5" is not valid/],
    [
      'serve --user a --password b -o MaxStartups=1:2',
      /MaxStartups: "1:2" is not valid: .*start:rate:full/,
    ],
    ['serve --user a --password b -o PerSourcePenalties=crash:9s', /is not there yet/],
    ['serve --user a --password b -o PerSourcePenalties=x:9s', /PerSourcePenalties: "x:9s"/],
    ['serve --user a --password b -o Compression=maybe', /Compression: "maybe"/],
    ['serve --user a --password b -o X11Forwarding=yes', /is not there yet/],
    ['serve --user a --password b --sftp-root / -o ForceCommand=date', /exclude each other/],
    ['serve --user a --password b -o Ciphers=+nonsense', /nonsense is not an algorithm that/],
    [
      'serve --user a --password b -o Nonsense=f',
      'rxssh: -o Nonsense: OpenSSH has no such option\n',
    ],
    [
      'serve --user a --password b --host-key /nonexistent',
      /^rxssh: --host-key \/nonexistent: ENOENT/,
    ],
    ['serve --authorized-keys /nonexistent', /^rxssh: --authorized-keys \/nonexistent: ENOENT/],
  ])('L1, L2, L7: refuses `%s` with status 2', async (args, message) => {
    const result = await told(...args.split(' ').filter((word) => word !== ''));
    expect(result).toMatchObject({ status: 2, stdout: '' });
    if (typeof message === 'string') expect(result.stderr).toBe(message);
    else expect(result.stderr).toMatch(message);
  });

  it.each(['--help', 'exec --help', 'serve --help', 'keygen --help'])('has %s', async (args) => {
    const result = await told(...args.split(' '));
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/^Usage: rxssh/);
    expect(result.stdout).not.toContain('not there yet\n');
  });

  it('L7: serves on the loopback unless told otherwise, and checks host keys unless told otherwise', async () => {
    const { stdout } = await told('serve', '--help');
    expect(stdout).toMatch(/--listen <addr:port>.*\n?.*127\.0\.0\.1:2222/);
    for (const command of ['exec', 'shell', 'get', 'forward'])
      expect((await told(command, '--help')).stdout).not.toMatch(/insecure|no-check|--force/i);
  });

  it('C24: says that it does not hide the rhythm of typing', async () => {
    const { status, stderr } = await told('shell', '-o', 'ObscureKeystrokeTiming=yes', 'h');
    expect([status, stderr]).toEqual([
      ...[2, 'rxssh: -o ObscureKeystrokeTiming=yes is not there yet\n'],
    ]);
  });

  it('has a version', async () => {
    expect((await told('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('does nothing before it is subscribed', async () => {
    const stderr = new PassThrough();
    const io = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr,
      env: {},
      terminal: undefined,
    };
    // a spec that ran before in this process may have left some that are on their way out
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const status$ = program(['exec', '-q', '127.0.0.1:1', '--', 'true'], io);
    expect(sockets()).toBeLessThanOrEqual(before);
    expect(await lastValueFrom(status$)).toBe(255);
  });
});
