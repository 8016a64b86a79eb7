/** `rxssh sftp`, in batches. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Ended, useCli } from './cli.ts';
import { useSftpHost } from './sftp-host.ts';

const cli = useCli();
const host = useSftpHost(cli);

/** Runs a batch that comes from stdin. */
const batch = (lines: readonly string[], ...more: readonly string[]): Promise<Ended> =>
  cli.run(['sftp', '-b', '-', ...host().options, ...more, host().name], {
    stdin: lines.map((line) => `${line}\n`).join(''),
  });
const touch = (name: string, bytes = 0): void =>
  writeFileSync(host().file(name), 'x'.repeat(bytes));
const text = ({ stdout }: Ended): string => stdout.toString();

describe('a batch of rxssh sftp', () => {
  it('shows its commands, unless an @ stands in front', async () => {
    touch('a');
    const ended = await batch(['# nothing', '', '@ls', 'pwd', 'bye', 'ls none']);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(text(ended)).toBe('a\nsftp> pwd\nremote folder: /\nsftp> bye\n');
  });

  it('ends with 1 at the first command that fails, unless a - stands in front', async () => {
    const ended = await batch(['-rm none', '-@nonsense', 'mkdir made', 'rm none', 'mkdir late']);
    expect(ended.status).toBe(1);
    expect(ended.stderr.match(/^rxssh: .*$/gm)).toEqual([
      'rxssh: remove none: No such file',
      'rxssh: "nonsense" is no command; help shows those that are',
      'rxssh: remove none: No such file',
    ]);
    expect(readdirSync(host().file(''))).toEqual(['made']);
  });

  it.each(["ls 'open", 'ls -Z', 'mkdir', 'chmod 9 a', 'chown x a', 'rename a'])(
    'ends with 1 for a line that cannot be: %s',
    async (line) => {
      expect(await batch([line, 'mkdir late'])).toMatchObject({ status: 1 });
      expect(existsSync(host().file('late'))).toBe(false);
    },
  );

  it('comes from a file too, and a file that is not there is bad usage', async () => {
    writeFileSync(cli.file('batch'), 'mkdir a\nls');
    const args = ['sftp', ...host().options, '-b'];
    const ended = await cli.run([...args, cli.file('batch'), host().name]);
    expect(ended).toMatchObject({ status: 0 });
    expect(text(ended)).toBe('sftp> mkdir a\nsftp> ls\na\n');
    expect(await cli.run([...args, cli.file('no-batch'), host().name])).toMatchObject({
      status: 2,
    });
  });

  it('is what comes from a stdin that is no terminal', async () => {
    const ended = await cli.run(['sftp', ...host().options, host().name], { stdin: 'pwd\n' });
    expect(text(ended)).toBe('sftp> pwd\nremote folder: /\n');
  });

  it('makes, renames, links and removes', async () => {
    touch('file');
    const ended = await batch([
      'mkdir a "b c" d\\ e',
      'mkdir -p p/q/r',
      'rmdir a',
      'rename file p/file',
      'cd p',
      'ln -s file soft',
      'ln file hard',
      'cd',
      'rm p/h*',
      "rm -r 'b c'",
    ]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(host().file('')).sort()).toEqual(['d e', 'p']);
    expect(readdirSync(host().file('p')).sort()).toEqual(['file', 'q', 'soft']);
    expect(readlinkSync(host().file('p/soft'))).toBe('file');
  });

  it('removes what a pattern stands for, and what was quoted by its name', async () => {
    for (const name of ['a1', 'a2', 'b1', 'a*']) touch(name);
    expect(await batch(["rm 'a*'"])).toMatchObject({ status: 0 });
    expect(readdirSync(host().file('')).sort()).toEqual(['a1', 'a2', 'b1']);
    expect(await batch(['rm a*'])).toMatchObject({ status: 0 });
    expect(readdirSync(host().file(''))).toEqual(['b1']);
  });

  it.each(['.', '..', './', '../in/.', '/'])('does not remove %s', async (name) => {
    mkdirSync(host().file('in'));
    touch('in/file');
    expect(await batch(['cd in', `rm -r ${name}`])).toMatchObject({ status: 1 });
    expect(existsSync(host().file('in/file'))).toBe(true);
  });

  it('takes patterns in the folder that one is in', async () => {
    mkdirSync(host().file('[x]'));
    for (const name of ['[x]/a1', '[x]/a2']) touch(name);
    const ended = await batch(["@cd '[x]'", '@ls -1 a*', '@pwd']);
    expect(text(ended)).toBe('a1\na2\nremote folder: /[x]\n');
  });

  it('sets permissions, and shows them', async () => {
    touch('file', 12);
    const ended = await batch(['@chmod 600 file', '@stat file', '@ls -ln file']);
    expect(ended.stderr).toBe('');
    expect(text(ended)).toMatch(/^(-rw------- .* 12 .* file\n){2}$/);
    expect(statSync(host().file('file')).mode & 0o777).toBe(0o600);
  });

  it('sorts listings as it is told', async () => {
    for (const [name, size] of [
      ['a', 2],
      ['b', 3],
      ['c', 1],
    ] as const)
      touch(name, size);
    const ended = await batch(['@ls', '@ls -r', '@ls -S', '@ls -Sr']);
    expect(text(ended).replaceAll('\n', '')).toBe('abc' + 'cba' + 'bac' + 'cab');
  });

  it('shows what there is left', async () => {
    const ended = await batch(['@df', '@df -h']);
    expect(ended.stderr).toBe('');
    expect(text(ended)).toMatch(/^( +Size +Used +Avail +Files +Capacity\n.*%\n){2}$/);
  });

  it('stays where it is when a folder is none', async () => {
    touch('file');
    const ended = await batch(['-@cd file', '-@cd none', '@pwd']);
    expect(text(ended)).toBe('remote folder: /\n');
    expect(ended.stderr).toContain('not a folder');
  });

  it('goes about on this machine', async () => {
    writeFileSync(cli.file('local/here'), '');
    const ended = await batch(['@lcd local', '@lls', '@lpwd', '@!echo "$PWD" \'it\'', '-@!exit 3']);
    expect(text(ended)).toBe(`here\nlocal folder: ${cli.file('local')}\n${cli.file('local')} it\n`);
    expect(ended.stderr).toBe('rxssh: the shell ended with status 3\n');
  });

  it('gives its commands to no command of the local shell', async () => {
    expect(text(await batch(['@!cat', '@pwd']))).toBe('remote folder: /\n');
  });

  it('gets and puts, with patterns on both sides', async () => {
    for (const name of ['a1', 'a2', 'b']) writeFileSync(cli.file(`local/${name}`), name);
    mkdirSync(cli.file('local/tree/sub'), { recursive: true });
    writeFileSync(cli.file('local/tree/sub/x'), 'x');
    const ended = await batch([
      'lcd local',
      'mkdir in',
      'put a* in',
      'put b',
      'put -r tree in',
      'cd in',
      'lcd tree',
      'get a? .',
      'get a1 again',
      'get -r tree/sub',
      'reput -r ../tree/sub .',
      'reget a2',
    ]);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(host().file('')).sort()).toEqual(['b', 'in']);
    expect(readdirSync(host().file('in')).sort()).toEqual(['a1', 'a2', 'sub', 'tree']);
    expect(readdirSync(cli.file('local/tree')).sort()).toEqual(['a1', 'a2', 'again', 'sub']);
    expect(readFileSync(host().file('in/tree/sub/x'), 'utf8')).toBe('x');
  });

  it.each(['get none', 'get no*ne', 'put none', 'put no*ne', 'get a b none', 'get tree'])(
    'ends with 1 for what cannot be moved: %s',
    async (line) => {
      for (const name of ['a', 'b']) touch(name);
      mkdirSync(host().file('tree'));
      const ended = await batch(['lcd local', line, 'mkdir late']);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toMatch(/^rxssh: .*\n$/);
      expect(existsSync(host().file('late'))).toBe(false);
    },
  );

  it('has help', async () => {
    const help = text(await batch(['@help']));
    for (const name of ['get', 'put', 'reget', 'reput'])
      expect(help).toMatch(new RegExp(`^${name} `, 'm'));
    for (const name of ['ls', 'cd', 'pwd', 'mkdir', 'rm', 'rmdir', 'rename', 'ln', 'chmod'])
      expect(help).toMatch(new RegExp(`^${name} `, 'm'));
    for (const name of ['chown', 'df', 'stat', 'lls', 'lcd', 'lpwd', '!', 'help', 'bye'])
      expect(help).toContain(`\n${name} `);
  });

  it('L3: shows hostile names escaped', async () => {
    touch('\u001b[2J');
    mkdirSync(host().file('\u001b]0;x\u0007'));
    const ended = await batch([
      '@cd "\u001b]0;x\u0007"',
      '@pwd',
      '@cd ..',
      '@ls',
      '@stat *',
      '-rm *x*',
    ]);
    expect(text(ended) + ended.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(text(ended)).toContain('remote folder: /\\x1b]0;x\\x07\n');
  });

  it('L1: does what is meant with names like options', async () => {
    touch('-rf');
    touch('keep');
    expect(await batch(['rm -- -rf'])).toMatchObject({ status: 0 });
    expect(readdirSync(host().file(''))).toEqual(['keep']);
  });

  it('ends with 255 when nobody listens', async () => {
    expect(await cli.run(['sftp', '127.0.0.1:1'])).toMatchObject({ status: 255 });
  });
});
