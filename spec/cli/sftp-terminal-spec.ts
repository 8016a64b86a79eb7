/** `rxssh sftp` with a person at a terminal. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { useCli } from './cli.ts';
import { useSftpHost } from './sftp-host.ts';
import { describeOnTerminal, type Dialogue, runDialogue, type Step } from './terminal.ts';

const cli = useCli();
const host = useSftpHost(cli);

const sftp = (steps: readonly Step[]): Promise<Dialogue> =>
  runDialogue(cli, ['sftp', ...host().options, host().name], steps, { env: { SHELL: '/bin/sh' } });
const touch = (name: string): void => writeFileSync(host().file(name), '');

describeOnTerminal('rxssh get and put on a terminal', () => {
  const put = (signal: string | null): Promise<Dialogue> =>
    runDialogue(
      cli,
      ['put', ...host().options, cli.file('local/a\u001b[2Jb'), `${host().name}:to`],
      [['% ', null]],
      { signal },
    );

  it('show bars, and a line for each file that is done', async () => {
    writeFileSync(cli.file('local/a\u001b[2Jb'), randomBytes(64 * 1024 * 1024));
    const { output, status } = await put(null);
    expect(status).toBe(0);
    expect(output).toMatch(/a\\x1b\[2Jb +[#.]{20} \d+% +\S+ +\S+\/s/);
    expect(output).toMatch(/a\\x1b\[2Jb +64\.0M +\S+\/s \d+\.\ds\r\n/);
    expect(output).not.toContain('a\u001b[2Jb');
  });

  it('give the terminal back at a signal', async () => {
    writeFileSync(cli.file('local/a\u001b[2Jb'), randomBytes(64 * 1024 * 1024));
    const { output, status } = await put('SIGINT');
    expect(status).toBe(130);
    expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
    expect(readdirSync(host().file(''))).toEqual([]);
  });
});

describeOnTerminal('rxssh sftp on a terminal', () => {
  it('prompts, goes on after errors, and ends with bye', async () => {
    touch('file');
    const { output, status, echo } = await sftp([
      ['sftp> ', 'rm none\r'],
      ['sftp> ', 'ls\r'],
      ['file', 'bye\r'],
    ]);
    expect(status).toBe(0);
    expect(output).toContain('rxssh: connected to ');
    expect(output).toContain('rxssh: remove none: No such file');
    // the terminal is given back as it was
    expect(echo.at(-1)).toBe(true);
  });

  it('ends at the end of the input', async () => {
    expect(await sftp([['sftp> ', '\u0004']])).toMatchObject({ status: 0 });
  });

  it('takes what was typed back at the interrupt key, and not the session', async () => {
    const { output, status } = await sftp([
      ['sftp> ', 'mkdir never\u0003'],
      ['sftp> ', 'mkdir made\r'],
      ['sftp> ', 'bye\r'],
    ]);
    expect({ status, made: readdirSync(host().file('')) }).toEqual({ status: 0, made: ['made'] });
    expect(output).not.toContain('neverm');
  });

  it('ends a command at the interrupt key, and not the session', async () => {
    const { output, status } = await sftp([
      ['sftp> ', '!echo "be""gun"; exec sleep 300\r'],
      ['begun', '\u0003'],
      ['sftp> ', 'pwd\r'],
      ['remote folder: /', 'bye\r'],
    ]);
    expect(status).toBe(0);
    expect(output).toContain('remote folder: /');
  });

  it('runs the lines that were pasted, one behind the other', async () => {
    const { status } = await sftp([['sftp> ', 'mkdir a\rmkdir a/b\rmkdir a/b/c\rbye\r']]);
    expect(status).toBe(0);
    expect(readdirSync(host().file('a/b'))).toEqual(['c']);
  });

  it('completes commands, remote names and local ones', async () => {
    mkdirSync(host().file('a folder'));
    touch('a folder/inside');
    mkdirSync(cli.file('local/here'));
    const { output, status } = await sftp([
      ['sftp> ', 'ls a\t'],
      ['ls a\\ folder/', 'in\t'],
      ['inside', '\r'],
      ['sftp> ', 'lc\t'],
      ['lcd ', 'loc\t'],
      ['local/', 'h\t'],
      ['here/', '\r'],
      ['sftp> ', 'lpwd\r'],
      ['local folder: ', 'bye\r'],
    ]);
    expect(status).toBe(0);
    expect(output).toContain('a folder/inside\r\n');
    expect(output).toContain(`local folder: ${cli.file('local/here')}`);
  });

  it('offers no names that would move the cursor', async () => {
    touch('x\u001b[2J');
    touch('x1');
    const { output, status } = await sftp([
      ['sftp> ', 'stat x\t'],
      ['stat x1', '\r'],
      ['sftp> ', 'bye\r'],
    ]);
    expect(status).toBe(0);
    expect(output).not.toContain('x\u001b[2J');
  });

  it('remembers what was typed', async () => {
    const { output } = await sftp([
      ['sftp> ', 'mkdir one\r'],
      ['sftp> ', '\u001b[A\b\b\btwo\r'],
      ['sftp> ', 'bye\r'],
    ]);
    expect(output).toContain('two');
    expect(readdirSync(host().file('')).sort()).toEqual(['one', 'two']);
  });

  it('shows bars of transfers, which the interrupt key ends, and not the session', async () => {
    writeFileSync(cli.file('local/large'), randomBytes(64 * 1024 * 1024));
    writeFileSync(cli.file('local/small'), 'x');
    const { output, status, echo } = await sftp([
      ['sftp> ', 'lcd local\r'],
      ['sftp> ', 'put small\r'],
      ['sftp> ', 'put large\r'],
      ['% ', '\u0003'],
      ['sftp> ', 'progress\r'],
      ['sftp> ', 'put small again\r'],
      ['sftp> ', 'bye\r'],
    ]);
    expect(status).toBe(0);
    expect(echo.at(-1)).toBe(true);
    expect(output).toMatch(/small +1B .*s\r\n/);
    expect(output).toMatch(/large +[#.]{20} \d+%/);
    expect(output).toContain('progress is not shown');
    // the cursor is shown again, and lines wrap
    expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
    expect(output.lastIndexOf('\u001b[?7h')).toBeGreaterThan(output.lastIndexOf('\u001b[?7l'));
    expect(readdirSync(host().file('')).sort()).toEqual(['again', 'small']);
  });

  it('ends with 255 when the connection ends, also when nothing runs', async () => {
    const args = ['--user', 'me', '--password', 'secret', '--sftp-root', cli.file('remote')];
    const server = cli.start(['serve', '--listen', '127.0.0.1:0', ...args], { isOpen: true });
    const [, port = ''] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n$/);
    const { output, status, echo } = await runDialogue(
      cli,
      ['sftp', '-o', 'StrictHostKeyChecking=accept-new', `me@127.0.0.1:${port}`],
      [['sftp> ', `!kill -9 ${String(server.child.pid)}\r`]],
      { env: { SHELL: '/bin/sh', RXSSH_PASSWORD: 'secret' } },
    );
    expect({ status, echo: echo.at(-1) }).toEqual({ status: 255, echo: true });
    expect(output.match(/rxssh: (?!connected|warning)/g)).toHaveLength(1);
    await server.ended;
  });

  it('lists in columns', async () => {
    for (const name of ['a', 'b', 'c']) touch(name);
    const { output } = await sftp([
      ['sftp> ', 'ls\r'],
      ['a  b  c\r\n', 'ls -1\r'],
      ['a\r\nb\r\nc\r\n', 'bye\r'],
    ]);
    expect(output).toContain('a  b  c\r\n');
    expect(output).toContain('a\r\nb\r\nc\r\n');
  });
});
