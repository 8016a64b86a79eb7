/** `rxssh get` and `rxssh put`. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { until } from '../support/processes.ts';
import { type Ended, useCli } from './cli.ts';
import { useSftpHost } from './sftp-host.ts';

const cli = useCli();
const host = useSftpHost(cli);

const at = (path: string): string => `${host().name}:${path}`;
const local = (name: string): string => cli.file(`local/${name}`);
const get = (...args: readonly string[]): Promise<Ended> =>
  cli.run(['get', ...host().options, ...args]);
const put = (...args: readonly string[]): Promise<Ended> =>
  cli.run(['put', ...host().options, ...args]);
const sha256 = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex');
const silent = { status: 0, stderr: '' };

interface Line extends Record<string, unknown> {
  readonly event: string;
}
const eventsOf = ({ stdout }: Ended): Line[] =>
  stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** A folder with folders, an empty file, and a name that needs quotes anywhere. */
function makeTree(path: (name: string) => string): void {
  for (const name of ['tree', 'tree/sub', 'tree/sub/empty folder'])
    mkdirSync(path(name), { recursive: true });
  writeFileSync(path('tree/a'), 'aaa');
  writeFileSync(path("tree/sub/it's $HOME"), randomBytes(70_000));
  writeFileSync(path('tree/sub/nothing'), '');
}
const treeOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(`${folder}/${name}`).isFile())
    .map((name) => `${name} ${sha256(`${folder}/${name}`)}`)
    .sort();

describe('rxssh get', () => {
  it('gets a file by another name, and into a folder by its own, in silence', async () => {
    writeFileSync(host().file('file'), randomBytes(3_000_000));
    expect(await get(at('/file'), local('other'))).toMatchObject(silent);
    expect(await get(at('file'), local(''))).toMatchObject({ ...silent, stdout: Buffer.from('') });
    for (const name of ['other', 'file'])
      expect(sha256(local(name))).toBe(sha256(host().file('file')));
  });

  it('gets a folder with -r, into one that is there, or as one that is not', async () => {
    makeTree(host().file);
    expect(await get('-r', at('tree'), local('new'))).toMatchObject(silent);
    expect(await get('-r', at('tree'), local('.'))).toMatchObject(silent);
    for (const name of ['new', 'tree']) {
      expect(treeOf(local(name))).toEqual(treeOf(host().file('tree')));
      expect(statSync(local(`${name}/sub/empty folder`)).isDirectory()).toBe(true);
    }
  });

  it('gets the contents of what has no name of its own', async () => {
    makeTree(host().file);
    expect(await get('-r', at(''), local('.'))).toMatchObject(silent);
    expect(treeOf(local('tree'))).toEqual(treeOf(host().file('tree')));
  });

  it('refuses a folder without -r, and goes on', async () => {
    makeTree(host().file);
    const ended = await get(at('tree'), at('tree/a'), local('.'));
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/^rxssh: tree: is a folder/);
    expect(readdirSync(local('.'))).toEqual(['a']);
  });

  it('expands patterns at the host, and takes what stands behind a backslash as it is', async () => {
    for (const name of ['a1', 'a2', 'b1', 'a*']) writeFileSync(host().file(name), name);
    expect(await get(at('a[12]'), local('.'))).toMatchObject(silent);
    expect(readdirSync(local('.')).sort()).toEqual(['a1', 'a2']);
    expect(await get(at('a\\*'), local('.'))).toMatchObject(silent);
    expect(readdirSync(local('.')).sort()).toEqual(['a*', 'a1', 'a2']);
  });

  it('needs a folder for several files', async () => {
    for (const name of ['a', 'b']) writeFileSync(host().file(name), name);
    const ended = await get(at('a'), at('b'), local('none'));
    expect(ended.status).toBe(2);
    expect(ended.stderr).toContain('is no folder');
    expect(existsSync(local('none'))).toBe(false);
  });

  it('tells what is not there, gets the rest, and ends with 1', async () => {
    writeFileSync(host().file('there'), 'x');
    const ended = await get(at('none'), at('no*ne'), at('there'), local('.'));
    expect(ended.status).toBe(1);
    expect(ended.stderr.match(/No such file/g)).toHaveLength(2);
    expect(readdirSync(local('.'))).toEqual(['there']);
  });

  it('keeps permissions and times with --preserve', async () => {
    writeFileSync(host().file('file'), 'x');
    chmodSync(host().file('file'), 0o640);
    utimesSync(host().file('file'), 1e9, 1e9);
    expect(await get('--preserve', at('file'), local('file'))).toMatchObject(silent);
    const { mode, mtimeMs } = statSync(local('file'));
    expect({ mode: mode & 0o777, mtimeMs }).toEqual({ mode: 0o640, mtimeMs: 1e12 });
  });

  it('does not get what links of a folder lead to', async () => {
    mkdirSync(host().file('tree'));
    symlinkSync('/etc', host().file('tree/link'));
    const ended = await get('-r', at('tree'), local('tree'));
    expect(ended.status).toBe(0);
    expect(ended.stderr).toBe('rxssh: link: passed over: a symbolic link\n');
    expect(readdirSync(local('tree'))).toEqual([]);
  });

  it('L1, L3: shows hostile names escaped, and gets them by what they are', async () => {
    const names = ['\u001b[2J', 'two\nlines', '-rf'];
    mkdirSync(host().file('tree'));
    for (const name of names) writeFileSync(host().file(`tree/${name}`), '');
    expect(await get('-r', at('tree'), local('tree'))).toMatchObject(silent);
    expect(readdirSync(local('tree')).sort()).toEqual(names.sort());
    const ended = await get(at('\u001b[31mnone'), local('.'));
    expect(ended.stderr).toContain('\\x1b[31mnone');
    expect(ended.stderr).not.toContain('\u001b');
  });

  it('tells events with --json', async () => {
    for (const name of ['a1', 'a2']) writeFileSync(host().file(name), 'xyz');
    const ended = await get('--json', at('a*'), at('none'), local('.'));
    expect(ended).toMatchObject({ status: 1, stderr: '' });
    const events = eventsOf(ended);
    expect(events[0]).toMatchObject({ event: 'started', host: host().name });
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'progress', state: 'done', file: 'a1', bytes: 3, total: 3 }),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'error', kind: 'sftp', file: 'none' }),
    );
    expect(events.at(-1)).toMatchObject({
      ...{ event: 'summary', files: 2, bytes: 6, errors: 1, largestStatus: 1 },
    });
  });

  it('ends with 255 when nobody listens, and gets from the others', async () => {
    writeFileSync(host().file('a'), 'a');
    const ended = await get('127.0.0.1:1:x', at('a'), local('.'));
    expect(ended.status).toBe(255);
    expect(readdirSync(local('.'))).toEqual(['a']);
  });
});

describe('rxssh put', () => {
  it('puts files, by another name or into a folder', async () => {
    writeFileSync(local('file'), randomBytes(3_000_000));
    writeFileSync(local('b'), 'b');
    mkdirSync(host().file('folder'));
    expect(await put(local('file'), at('/other'))).toMatchObject(silent);
    expect(await put(local('file'), local('b'), at('folder'))).toMatchObject(silent);
    expect(await put(local('b'), at(''))).toMatchObject(silent);
    expect(sha256(host().file('other'))).toBe(sha256(local('file')));
    expect(sha256(host().file('folder/file'))).toBe(sha256(local('file')));
    expect(readdirSync(host().file('')).sort()).toEqual(['b', 'folder', 'other']);
  });

  it('tells targets without double slashes', async () => {
    writeFileSync(local('b'), 'b');
    mkdirSync(host().file('folder'));
    const targets = [
      eventsOf(await put('--json', local('b'), at('/folder/'))),
      eventsOf(await get('--json', at('folder/b'), `${local('.')}/`)),
    ].map((events) => events.find(({ state }) => state === 'done')?.['target']);
    expect(targets).toEqual(['/folder/b', expect.stringMatching(/local\/(?:\.\/)?b$/)]);
  });

  it('puts a folder with -r, into one that is there, or as one that is not', async () => {
    makeTree(local);
    expect(await put('-r', local('tree'), at('new'))).toMatchObject(silent);
    expect(await put('-r', local('tree'), at('/'))).toMatchObject(silent);
    for (const name of ['new', 'tree'])
      expect(treeOf(host().file(name))).toEqual(treeOf(local('tree')));
  });

  it('puts many files side by side', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `f${String(index)}`);
    for (const name of names) writeFileSync(local(name), name.repeat(50));
    const files = names.map(local);
    expect(await put('--concurrency', '16', ...files, at('/'))).toMatchObject(silent);
    expect(treeOf(host().file(''))).toEqual(treeOf(local('.')));
  });

  it('tells what is not there, puts the rest, and ends with 1', async () => {
    writeFileSync(local('there'), 'x');
    const ended = await put(local('none'), local('there'), at('/'));
    expect(ended.status).toBe(1);
    expect(ended.stderr).toMatch(/^rxssh: .*none.*ENOENT/);
    expect(readdirSync(host().file(''))).toEqual(['there']);
  });

  it('keeps times with --preserve, and passes over with --resume what is the same', async () => {
    makeTree(local);
    utimesSync(local('tree/a'), 1e9, 1e9);
    const args = ['-r', '--preserve', '--resume', local('tree'), at('new')];
    expect(await put(...args)).toMatchObject(silent);
    expect(statSync(host().file('new/a')).mtimeMs).toBe(1e12);
    const again = await put('--json', ...args);
    const states = eventsOf(again).map(({ state }) => state);
    expect(states.filter((state) => state === 'skipped')).toHaveLength(3);
  });

  it('puts what is resumed where it was put before, and into a folder with a slash', async () => {
    makeTree(local);
    mkdirSync(host().file('in'));
    const args = ['-r', '--resume', local('tree')];
    expect(await put(...args, at('in'))).toMatchObject(silent);
    expect(readdirSync(host().file('in')).sort()).toEqual(['a', 'sub']);
    for (const folder of ['in/', '', '/'])
      expect(await put(...args, at(folder))).toMatchObject(silent);
    expect(treeOf(host().file('in/tree'))).toEqual(treeOf(local('tree')));
    expect(treeOf(host().file('tree'))).toEqual(treeOf(local('tree')));
  });

  it('goes on with --resume where an earlier try has ended', async () => {
    const bytes = randomBytes(100_000_000);
    writeFileSync(local('large'), bytes);
    const args = ['put', ...host().options, '--resume', '--json', local('large'), at('large')];
    const first = cli.start(args);
    await first.printed(/"state":"running"/);
    // bytes that were taken may still be on their way
    const folder = host().file('');
    const kept = (name: string): boolean => statSync(join(folder, name)).size > 0;
    await until(() => readdirSync(folder).some(kept), 'some of it on the disk');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(existsSync(host().file('large'))).toBe(false);
    const again = eventsOf(await cli.run(args));
    const done = again.find(({ state }) => state === 'done');
    expect(done).toMatchObject({ bytes: bytes.length });
    expect(done?.['resumed']).toBeGreaterThan(0);
    expect(sha256(host().file('large'))).toBe(sha256(local('large')));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind at %s', async (signal) => {
    writeFileSync(local('large'), randomBytes(100_000_000));
    const running = cli.start(['put', ...host().options, '--json', local('large'), at('large')]);
    await running.printed(/"state":"running"/);
    running.child.kill(signal);
    expect((await running.ended).status).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(readdirSync(host().file(''))).toEqual([]);
  });
});

describe('bad usage', () => {
  it.each([
    [['get', 'db1:a']],
    [['get', 'a', 'b']],
    [['get']],
    [['put', 'a']],
    [['put', 'a', 'b']],
    [['put', 'a', '-x:b']],
    [['get', '--concurrency', '0', 'db1:a', 'b']],
  ])('%j', async (args) => {
    expect(await cli.run(args)).toMatchObject({ status: 2 });
  });
});
