/** Questions on a real terminal: that they are asked there, that secrets are not echoed, and that echo is always restored. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { onTerminal } from '../support/peers/on-terminal.ts';
import { type Started, useCli } from './cli.ts';
import {
  describeOnTerminal,
  type Dialogue,
  type DialogueOptions,
  runDialogue,
  type Step,
} from './terminal.ts';

const cli = useCli();
let server: Started;
let port = '';

beforeAll(async () => {
  const args = ['--user', 'me', '--password', 'secret', '--allow-exec'];
  server = cli.start(['serve', '--listen', '127.0.0.1:0', ...args], { isOpen: true });
  port = (await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/))[1] ?? '';
});

afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.ended;
});

const dialogue = (
  args: readonly string[],
  steps: readonly Step[],
  options: DialogueOptions = {},
): Promise<Dialogue> => runDialogue(cli, args, steps, options);

/** What connects to the server, with a known_hosts file of this name. */
const exec = (known: string, ...more: readonly string[]): string[] => [
  ...['exec', '-o', `UserKnownHostsFile=${cli.file(known)}`, '-o', 'PubkeyAuthentication=no'],
  ...[...more, `me@127.0.0.1:${port}`, '--', 'echo IN'],
];

describeOnTerminal('on a terminal', () => {
  it('L5: asks about an unknown host and for a password, which is not echoed', async () => {
    const { output, status, echo } = await dialogue(exec('asked'), [
      ['(yes/no/fingerprint)? ', 'yes\n'],
      [`me@127.0.0.1:${port}'s password: `, 'wrong\r'],
      ["'s password: ", 'secrex\u007ft\r'],
    ]);
    expect({ status, echo }).toEqual({ status: 0, echo: [true, false, false, true] });
    expect(output).toContain('IN\r\n');
    expect(output).toContain(`\nrxssh: me@127.0.0.1:${port}: the password was rejected\r\n`);
    expect(output).not.toContain('secre');
    expect(output).not.toContain('wrong');
    expect(readFileSync(cli.file('asked'), 'utf8')).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
  });

  it('takes only yes, or the fingerprint, for consent', async () => {
    for (const answer of ['y\n', 'no\n', '\n', 'SHA256:x\n']) {
      const { status, output } = await dialogue(exec('refused'), [
        ['(yes/no/fingerprint)? ', answer],
      ]);
      expect(status).toBe(255);
      expect(output).toContain('it was not accepted');
    }
    expect(existsSync(cli.file('refused'))).toBe(false);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ])(
    'restores the terminal when it gets %s in the middle of a password',
    async (signal, status) => {
      const args = exec('killed', '-o', 'StrictHostKeyChecking=no');
      const ended = await dialogue(args, [["'s password: ", null]], { signal });
      expect(ended).toMatchObject({ status, echo: [false, true] });
    },
  );

  it('L5: takes Ctrl-C for what it is in the middle of a password', async () => {
    const args = exec('killed', '-o', 'StrictHostKeyChecking=no');
    const ended = await dialogue(args, [["'s password: ", 'sec\u0003']]);
    expect(ended).toMatchObject({ status: 130, echo: [false, true] });
  });

  it('is suspended with Ctrl-Z in the middle of a password, and asks anew when it goes on', async () => {
    const env = { PATH: process.env['PATH'], HOME: cli.file('.'), PS1: 'local> ' };
    const shell = onTerminal(['/bin/bash', '--norc', '--noediting', '-i'], env);
    try {
      await shell.shows(/local> /);
      const args = exec('suspended', '-o', 'StrictHostKeyChecking=no', '-q');
      const words = [process.execPath, cli.program(), ...args];
      shell.type(`${words.map((word) => `'${word}'`).join(' ')}\r`);
      await shell.shows(/'s password: /);
      shell.type('not this\u001a');
      await shell.shows(/Stopped[^]*local> /);
      shell.type('stty -a\r');
      await shell.shows(/ icanon [^]* echo [^]*local> /);
      shell.type('fg\r');
      await shell.shows(/'s password: /);
      shell.type('secret\r');
      await shell.shows(/IN\r\n/);
    } finally {
      shell.stop();
      await shell.exited;
    }
  });

  it('gives up at the end of input', async () => {
    const args = exec('killed', '-o', 'StrictHostKeyChecking=no');
    const ended = await dialogue(args, [["'s password: ", '\u0004']]);
    expect(ended).toMatchObject({ status: 255, echo: [false, true] });
  });

  it('asks nothing with BatchMode', async () => {
    const ended = await dialogue(exec('batch', '-o', 'BatchMode=yes'), []);
    expect(ended.status).toBe(255);
    expect(ended.output).toContain('the host is not in known_hosts');
  });

  it('asks for the passphrase of a new key twice', async () => {
    const file = cli.file('typed');
    const args = ['keygen', '-f', file];
    const different = await dialogue(args, [
      ['Enter passphrase (empty for no passphrase): ', 'one\r'],
      ['Enter same passphrase again: ', 'two\r'],
    ]);
    expect(different).toMatchObject({ status: 2, echo: [false, false, true] });
    expect(different.output).toMatch(/again: \r\nrxssh: the passphrases are not the same\r\n/);
    expect(existsSync(file)).toBe(false);
    const equal = await dialogue(args, [
      ['Enter passphrase (empty for no passphrase): ', 'one\r'],
      ['Enter same passphrase again: ', 'one\r'],
    ]);
    expect(equal).toMatchObject({ status: 0, echo: [false, false, true] });
  });

  it('shows how far many hosts have come, and takes that line away', async () => {
    const env = { RXSSH_PASSWORD: 'secret' };
    const args = exec('asked', '--concurrency', '1');
    args.splice(args.indexOf('--'), 0, `me@127.0.0.1:${port}`);
    const { output, status } = await dialogue(args, [], { env });
    expect(status).toBe(0);
    expect(output).toContain('\u001b[K[0/2]');
    expect(output).toContain('\u001b[K[1/2]');
    expect(output).toMatch(/\r\u001b\[Krxssh: 2 hosts: 2 ok, [^\r\n]*\r\n(\r\u001b\[K)*$/);
  });
});
