/** `rxssh ls`. */
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { type Ended, useCli } from './cli.ts';
import { useSftpHost } from './sftp-host.ts';

const cli = useCli();
const host = useSftpHost(cli);

const ls = (path: string, ...more: readonly string[]): Promise<Ended> =>
  cli.run(['ls', ...host().options, ...more, `${host().name}:${path}`]);
const touch = (name: string, bytes = 0): void =>
  writeFileSync(host().file(name), 'x'.repeat(bytes));
const text = ({ stdout }: Ended): string => stdout.toString();

describe('rxssh ls', () => {
  it('lists a folder, one name a line, sorted, without those that begin with a dot', async () => {
    for (const name of ['b', 'a', 'C', '.hidden', 'ä']) touch(name);
    const ended = await ls('/');
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(text(ended)).toBe('C\na\nb\nä\n');
    expect(text(await ls('/', '--all'))).toBe('.hidden\nC\na\nb\nä\n');
  });

  it('lists the folder in which the server starts', async () => {
    touch('here');
    expect(text(await ls(''))).toBe('here\n');
  });

  it('shows permissions, size and time with --long', async () => {
    touch('file', 1234);
    utimesSync(host().file('file'), 1e9, 1e9);
    mkdirSync(host().file('folder'));
    expect(text(await ls('', '--long'))).toMatch(
      /^-rw-r--r-- +1 \S+ +\S+ +1234 Sep {2}9 {2}2001 file\ndrwxr-xr-x .* folder\n$/,
    );
  });

  it('shows a file, also one that begins with a dot', async () => {
    touch('.one', 3);
    expect(text(await ls('/.one'))).toBe('/.one\n');
  });

  it('lists what a link leads to', async () => {
    mkdirSync(host().file('folder'));
    touch('folder/in');
    symlinkSync('folder', host().file('link'));
    expect(text(await ls('link'))).toBe('in\n');
  });

  it('expands patterns at the host, and not what stands behind a backslash', async () => {
    for (const name of ['a.log', 'b.log', 'c.txt', '*.log']) touch(name);
    expect(text(await ls('[ab].log'))).toBe('a.log\nb.log\n');
    expect(text(await ls('/*.log'))).toBe('/*.log\n/a.log\n/b.log\n');
    expect(text(await ls('\\*.log'))).toBe('*.log\n');
  });

  it('ends with 1 for what is not there', async () => {
    const none = await ls('none');
    expect(none).toMatchObject({ status: 1 });
    expect(none.stderr).toMatch(/^rxssh: 127\.0\.0\.1:\d+: stat none: No such file/);
    expect(await ls('*.none')).toMatchObject({ status: 1 });
  });

  it('L3: shows hostile names escaped', async () => {
    for (const name of ['\u001b]0;title\u0007', 'two\nlines', '-rf', '\u202egnp.exe']) touch(name);
    const ended = await ls('');
    expect(text(ended)).toBe('\\x1b]0;title\\x07\n-rf\ntwo\\x0alines\n\\u202egnp.exe\n');
    expect(text(await ls('', '--long')).split('\n')).toHaveLength(5);
  });

  it('lists a folder that is large', async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `file-${String(index + 1000)}`);
    for (const name of names) touch(name);
    expect(text(await ls(''))).toBe(names.map((name) => `${name}\n`).join(''));
  });

  it('tells events with --json, and bytes that are no text as base64', async () => {
    touch('file', 5);
    writeFileSync(Buffer.concat([Buffer.from(`${host().file('')}/a`), Buffer.from([0xff])]), '');
    const ended = await ls('', '--json');
    const events = text(ended)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ event }) => event).sort()).toEqual([
      'done',
      'started',
      'stdout',
      'stdout',
      'summary',
    ]);
    const files = events.filter(({ event }) => event === 'stdout');
    expect(files).toContainEqual(
      expect.objectContaining({ text: 'file', type: 'file', size: 5, mode: '644' }),
    );
    expect(files).toContainEqual(expect.objectContaining({ base64: 'Yf8=' }));
    expect(events.at(-1)).toMatchObject({ files: 2, bytes: 5, errors: 0, largestStatus: 0 });
  });

  it('tells an error with --json', async () => {
    const lines = text(await ls('none', '--json'))
      .trim()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ event: 'error', kind: 'sftp' }),
      expect.objectContaining({ event: 'summary', errors: 1, largestStatus: 1 }),
    ]);
  });

  it.each([['db1'], ['-x:y'], ['db1:a', 'db2:b']])('is bad usage: %s', async (...args) => {
    expect(await cli.run(['ls', '--', ...args])).toMatchObject({ status: 2 });
    expect(await cli.run(['ls', ...args])).toMatchObject({ status: 2 });
  });

  it('ends with 255 when nobody listens', async () => {
    expect(await cli.run(['ls', '127.0.0.1:1:/'])).toMatchObject({ status: 255 });
  });
});
