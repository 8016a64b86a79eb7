/** Getting and putting files and trees, between our own server and the disk of this machine. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom, lastValueFrom, type Observable, tap } from 'rxjs';
import { localFiles } from '../../../src/sftp/transfer/local-files-node.ts';
import type { TransferProgress } from '../../../src/sftp/transfer/transfer-options.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { closeEmbedded } from '../../support/embedded.ts';
import { allOf, clientOf, done, plant, textOf, until } from '../../support/sftp-pair.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

let fs: SftpClient;
beforeEach(async () => {
  fs = await clientOf(memoryFileSystem(), {}, { localFiles });
});
afterEach(closeEmbedded);
const local = useTempFolder();

const textAt = (...names: string[]): string => readFileSync(local(...names), 'utf8');

/** What there is below a local folder. */
function tree(path = local()): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
}

async function remoteTree(path: string): Promise<string[]> {
  return (await allOf(fs.walk(path))).map(({ relative }) => relative.text).sort();
}

/** What becomes of files; how often a transfer tells how far it is depends on the machine. */
async function states(transfer$: Observable<TransferProgress>): Promise<string[]> {
  return (await allOf(transfer$))
    .filter(({ state }) => state !== 'running')
    .map(({ state, file, reason }) =>
      [state, file, ...(reason === undefined ? [] : [reason])].join(' '),
    );
}

describe('a file', () => {
  it('is got and put, and told of', async () => {
    await plant(fs, { '/a': 'hello' });
    const events = await allOf(fs.get('/a', local('b'), { progressInterval: Infinity }));
    expect(events).toMatchObject([
      { state: 'started', file: 'a', bytes: 0, total: 5, resumed: 0 },
      { state: 'done', file: 'a', bytes: 5, total: 5, resumed: 0 },
    ]);
    expect(events[1]?.rate).toBeGreaterThan(0);
    expect(textAt('b')).toBe('hello');
    expect(await states(fs.put(local('b'), '/c'))).toEqual(['started b', 'done b']);
    expect(await textOf(fs, '/c')).toBe('hello');
    expect([tree(), await remoteTree('/')]).toEqual([['b'], ['a', 'c']]);
  });

  it('replaces what is there, and may be empty', async () => {
    await plant(fs, { '/a': '', '/b': 'old and longer' });
    writeFileSync(local('x'), 'old');
    await done(fs.get('/a', local('x')));
    expect(textAt('x')).toBe('');
    await done(fs.put(local('x'), '/b'));
    expect(await textOf(fs, '/b')).toBe('');
  });

  it('goes into a folder by its own name', async () => {
    await plant(fs, { '/in/': '', '/a': '1' });
    await done(fs.get('/a', local()));
    await done(fs.put(local('a'), '/in'));
    await done(fs.put(local('a'), '/'));
    expect(tree()).toEqual(['a']);
    expect(await remoteTree('/')).toEqual(['a', 'in', 'in/a']);
  });

  it('keeps permissions and times when told to, and never setuid', async () => {
    writeFileSync(local('x'), '1');
    chmodSync(local('x'), 0o4751);
    utimesSync(local('x'), 1_000_000, 2_000_000);
    await done(fs.put(local('x'), '/x', { preserve: true }));
    expect(await lastValueFrom(fs.stat('/x'))).toMatchObject({
      ...{ permissions: 0o100751, atime: 1_000_000, mtime: 2_000_000 },
    });
    await done(fs.get('/x', local('y'), { preserve: true }));
    const { mode, atimeMs, mtimeMs } = lstatSync(local('y'));
    expect({ mode, atimeMs, mtimeMs }).toEqual({
      ...{ mode: 0o100751, atimeMs: 1e9, mtimeMs: 2e9 },
    });
  });

  it('gets the permissions of its source less the mask', async () => {
    await plant(fs, { '/x': '1' });
    await done(fs.chmod('/x', 0o777));
    const before = process.umask(0o027);
    try {
      await done(fs.get('/x', local('x')));
    } finally {
      process.umask(before);
    }
    expect(lstatSync(local('x')).mode & 0o7777).toBe(0o750);
  });

  it('is written in place when told to', async () => {
    await plant(fs, { '/a': 'new', '/b': 'longer than that' });
    writeFileSync(local('x'), 'old');
    const { ino } = lstatSync(local('x'));
    await done(fs.get('/a', local('x'), { temporary: false }));
    expect([textAt('x'), lstatSync(local('x')).ino]).toEqual(['new', ino]);
    await done(fs.put(local('x'), '/b', { temporary: false, fsync: true, confirm: true }));
    expect(await textOf(fs, '/b')).toBe('new');
  });

  it('replaces a symbolic link, and leaves alone what it leads to', async () => {
    await plant(fs, { '/a': 'new' });
    writeFileSync(local('outside'), 'old');
    symlinkSync(local('outside'), local('link'));
    await done(fs.get('/a', local('link')));
    expect([textAt('outside'), textAt('link')]).toEqual(['old', 'new']);
  });

  it('that is not there is an error, and leaves nothing behind', async () => {
    await expect(done(fs.get('/none', local('x')))).rejects.toMatchObject({ kind: 'sftp' });
    await expect(done(fs.put(local('none'), '/x'))).rejects.toMatchObject({
      ...{ kind: 'transfer', detail: { reason: 'local' }, cause: { code: 'ENOENT' } },
    });
    await plant(fs, { '/a': '1' });
    await expect(done(fs.get('/a', local('none', 'x')))).rejects.toMatchObject({
      kind: 'transfer',
    });
    await expect(done(fs.put('/dev/null', '/x'))).rejects.toMatchObject({
      detail: { reason: 'type' },
    });
    await expect(done(fs.get('/', local('x')))).rejects.toMatchObject({
      detail: { reason: 'type' },
    });
    expect([tree(), await remoteTree('/')]).toEqual([[], ['a']]);
  });

  it.each([{}, { resume: true }])(
    'that cannot be made is an error with the name that was asked for, with %j',
    async (options) => {
      await plant(fs, { '/a': '1' });
      writeFileSync(local('x'), '1');
      const path = local('none', 'x');
      await expect(done(fs.get('/a', path, options))).rejects.toMatchObject({
        kind: 'transfer',
        message: `local file ${path}: ENOENT: no such file or directory`,
        detail: { path },
      });
      await expect(done(fs.put(local('x'), '/none/b', options))).rejects.toMatchObject({
        ...{ kind: 'sftp', message: 'open /none/b: No such file', detail: { path: '/none/b' } },
      });
    },
  );

  it('leaves nothing behind when nobody wants it any more', async () => {
    await done(fs.writeFile('/big', new Uint8Array(8 * 1024 * 1024)));
    writeFileSync(local('big'), new Uint8Array(8 * 1024 * 1024));
    const isUnderWay = ({ state }: TransferProgress): boolean => state === 'running';
    await firstUnderWay(fs.get('/big', local('x'), { progressInterval: 0 }), isUnderWay);
    await firstUnderWay(fs.put(local('big'), '/x', { progressInterval: 0 }), isUnderWay);
    await until(() => tree().length === 1);
    expect(await remoteTree('/')).toEqual(['big']);
  });
});

async function firstUnderWay<T>(
  source: Observable<T>,
  wanted: (value: T) => boolean,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const subscription = source.subscribe({
      next: (value) => {
        if (!wanted(value)) return;
        queueMicrotask(() => subscription.unsubscribe());
        resolve();
      },
      error: reject,
      complete: () => reject(new Error('it was done before')),
    });
  });
}

describe('a tree', () => {
  it('is got and put', async () => {
    await plant(fs, {
      '/t/a/b/': '',
      '/t/a/x': '1',
      '/t/a/b/y': '22',
      '/t/z': '',
      '/t/link': ['a'],
    });
    const events = await states(fs.get('/t', local('t'), { recursive: true }));
    expect(events.sort()).toEqual([
      ...['done a/b/y', 'done a/x', 'done z', 'skipped link symlink'],
      ...['started a/b/y', 'started a/x', 'started z'],
    ]);
    expect(tree()).toEqual(['t', 't/a', 't/a/b', 't/a/b/y', 't/a/x', 't/z']);
    expect(textAt('t/a/b/y')).toBe('22');
    await done(fs.put(local('t'), '/u', { recursive: true, concurrency: 1 }));
    await done(fs.put(local('t'), '/u/', { recursive: true }));
    expect(await remoteTree('/u')).toEqual([
      'a',
      'a/b',
      'a/b/y',
      'a/x',
      't',
      't/a',
      't/a/b',
      't/a/b/y',
      't/a/x',
      't/z',
      'z',
    ]);
    expect(await textOf(fs, '/u/t/a/b/y')).toBe('22');
  });

  it('copies links, or follows them', async () => {
    await plant(fs, { '/t/a/': '', '/t/a/x': '1', '/t/link': ['a'], '/t/up': ['..'] });
    await done(fs.get('/t', local('copy'), { recursive: true, symlinks: 'copy' }));
    expect([readlinkSync(local('copy/link')), readlinkSync(local('copy/up'))]).toEqual(['a', '..']);
    await done(fs.put(local('copy'), '/copy', { recursive: true, symlinks: 'copy' }));
    expect((await firstValueFrom(fs.readlink('/copy/link'))).text).toBe('a');
    await done(fs.get('/t', local('all'), { recursive: true, symlinks: 'follow' }));
    expect(textAt('all/link/x')).toBe('1');
    expect(lstatSync(local('all/link')).isDirectory()).toBe(true);
  });

  it('takes what the filter lets through', async () => {
    await plant(fs, {
      '/t/no/': '',
      '/t/no/x': '1',
      '/t/yes/': '',
      '/t/yes/a.log': '',
      '/t/yes/b': '',
    });
    const filter = ({ relative }: { relative: { text: string } }): boolean =>
      relative.text === 'yes' || relative.text.endsWith('.log');
    expect(await states(fs.get('/t', local('t'), { recursive: true, filter }))).toEqual([
      ...['started yes/a.log', 'done yes/a.log'],
    ]);
    expect(tree(local('t'))).toEqual(['yes', 'yes/a.log']);
  });

  it('keeps the times of folders, though files were put into them', async () => {
    await plant(fs, { '/t/a/': '', '/t/a/x': '1' });
    await done(fs.utimes('/t/a', 1000, 2000));
    await done(fs.chmod('/t/a', 0o500));
    await done(fs.get('/t', local('t'), { recursive: true, preserve: true }));
    const { mode, mtimeMs } = lstatSync(local('t/a'));
    expect([mode & 0o7777, mtimeMs]).toEqual([0o500, 2_000_000]);
    await done(fs.put(local('t'), '/u', { recursive: true, preserve: true }));
    expect(await firstValueFrom(fs.stat('/u/a'))).toMatchObject({
      mtime: 2000,
      permissions: 0o40500,
    });
    chmodSync(local('t/a'), 0o700);
  });

  it('passes over what is there already when it is resumed', async () => {
    await plant(fs, { '/t/': '', '/t/a': '1', '/t/b': '2' });
    const options = { recursive: true, preserve: true, resume: true };
    await done(fs.get('/t', local('t'), options));
    await plant(fs, { '/t/b': '33' });
    expect(await states(fs.get('/t', local('t'), options))).toEqual([
      ...['skipped a same', 'started b', 'done b'],
    ]);
    expect(await states(fs.put(local('t'), '/t', options))).toEqual([
      ...['skipped a same', 'skipped b same'],
    ]);
  });

  it('goes on behind a file that fails when told to', async () => {
    await plant(fs, { '/t/': '', '/t/a': '1', '/t/b': '2' });
    mkdirSync(local('t/a'), { recursive: true });
    const options = { recursive: true, concurrency: 1 };
    await expect(states(fs.get('/t', local('t'), options))).rejects.toMatchObject({
      kind: 'transfer',
    });
    const going = { ...options, onError: 'continue', progressInterval: Infinity } as const;
    const events = await allOf(fs.get('/t', local('t'), going));
    expect(events.map(({ state, file, bytes }) => [state, file, bytes])).toEqual([
      ...[
        ['started', 'a', 0],
        ['running', 'a', 1],
        ['failed', 'a', 0],
      ],
      ...[
        ['started', 'b', 0],
        ['done', 'b', 1],
      ],
    ]);
    expect(tree(local('t'))).toEqual(['a', 'b']);
  });

  it('leaves out files that are removed while it is put', async () => {
    mkdirSync(local('t'));
    const names = Array.from({ length: 400 }, (_, i) => String(i));
    for (const name of names) writeFileSync(local('t', name), name);
    const last = readdirSync(local('t')).at(-1)!;
    const removed$ = fs.put(local('t'), '/t', { recursive: true }).pipe(
      tap(({ state }) => {
        if (state === 'started') rmSync(local('t', last), { force: true });
      }),
    );
    expect(await states(removed$)).toContain('done 0');
    expect(await remoteTree('/t')).toEqual(names.filter((name) => name !== last).sort());
  });

  it('tells of a folder that cannot be made, and goes on beside it', async () => {
    mkdirSync(local('t/a'), { recursive: true });
    mkdirSync(local('t/b'));
    writeFileSync(local('t/a/x'), '1');
    writeFileSync(local('t/b/y'), '2');
    await plant(fs, { '/t/': '', '/t/a': 'a file' });
    const options = { recursive: true, preserve: true } as const;
    await expect(states(fs.put(local('t'), '/t', options))).rejects.toMatchObject({ kind: 'sftp' });
    expect(await states(fs.put(local('t'), '/t', { ...options, onError: 'continue' }))).toEqual([
      ...['failed a', 'started b/y', 'done b/y'],
    ]);
    expect(await textOf(fs, '/t/a')).toBe('a file');
  });

  it('tells of a folder that cannot be read, and goes on behind it', async () => {
    fs = await clientOf(
      memoryFileSystem(),
      { permit: ({ name, paths }) => name !== 'opendir' || paths[0]?.text !== '/t/a' },
      { localFiles },
    );
    await plant(fs, { '/t/a/': '', '/t/a/x': '1', '/t/b/': '', '/t/b/y': '2' });
    const options = { recursive: true } as const;
    await expect(states(fs.get('/t', local('t'), options))).rejects.toMatchObject({ kind: 'sftp' });
    expect(await states(fs.get('/t', local('t'), { ...options, onError: 'continue' }))).toEqual([
      ...['failed a', 'started b/y', 'done b/y'],
    ]);
  });

  it('of names that are not UTF-8 keeps them', async () => {
    const name = Buffer.from([0x2f, 0x74, 0x2f, 0xff, 0xfe]);
    await plant(fs, { '/t/': '' });
    await done(fs.writeFile(name, 'x'));
    await done(fs.get('/t', local('t'), { recursive: true }));
    const [found] = readdirSync(local('t'), { encoding: 'buffer' });
    expect([...found!]).toEqual([0xff, 0xfe]);
    await done(fs.removeAll('/t'));
    await done(fs.put(local('t'), '/t', { recursive: true }));
    const [put] = await allOf(fs.list('/t'));
    expect([...put!.name.bytes]).toEqual([0xff, 0xfe]);
  });
});
