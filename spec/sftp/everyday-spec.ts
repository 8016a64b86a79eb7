/** What paramiko's own tests of SFTP and of its files do, against our own server. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { concat, forkJoin, from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { memoryFileSystem } from '../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import { closeEmbedded } from '../support/embedded.ts';
import { allOf, clientOf, done, plant, textOf } from '../support/sftp-pair.ts';

const POEM = ['Insulin was discovered', 'in 1921,', '', 'by Banting and Best.'];

let fs: SftpClient;
beforeEach(async () => {
  fs = await clientOf(memoryFileSystem());
});
afterEach(closeEmbedded);

const refusal = (name: string): object => ({ kind: 'sftp', detail: { name } });

describe('files', () => {
  it('are written, and have the size of what was written', async () => {
    await done(fs.writeFile('/duck.txt', POEM.join('\n')));
    expect((await lastValueFrom(fs.stat('/duck.txt'))).size).toBe(POEM.join('\n').length);
  });

  it('grow at their end', async () => {
    await done(fs.writeFile('/append', 'first line\nsecond line\n'));
    await done(fs.appendFile('/append', 'third line!!!\n'));
    expect(await allOf(fs.lines('/append'))).toEqual([
      'first line',
      'second line',
      'third line!!!',
    ]);
  });

  it('are read from near their end after a rename', async () => {
    await plant(fs, { '/first': 'content!\n'.repeat(10) });
    await done(fs.rename('/first', '/second'));
    await expect(textOf(fs, '/first')).rejects.toMatchObject(refusal('NO_SUCH_FILE'));
    const { size = 0 } = await lastValueFrom(fs.stat('/second'));
    const end = await lastValueFrom(fs.readFile('/second', { start: size - 9 }));
    expect(utf8Text(end)).toBe('content!\n');
  });

  it('are read in lines, with any ends, and without one at the last', async () => {
    await plant(fs, { '/lines': 'one\ntwo\r\nthree\n\nlast' });
    expect(await allOf(fs.lines('/lines'))).toEqual(['one', 'two', 'three', '', 'last']);
    expect(await allOf(fs.lines('/lines', { start: 4 }))).toEqual(['two', 'three', '', 'last']);
  });

  it('are changed in their middle', async () => {
    await plant(fs, { '/testing': 'hello kitty.\n' });
    const changed$ = fs
      .open('/testing', 'r+')
      .pipe(
        mergeMap((file) =>
          concat(file.write(6, 'c'), file.write(12, '!'), file.read(0, 100), file.close()),
        ),
      );
    const [read] = await allOf(changed$);
    expect(utf8Text(read ?? new Uint8Array(0))).toBe('hello citty.!');
  });

  it('have a beginning, a middle and an end when written in any order', async () => {
    const write$ = fs
      .open('/parts', 'w+')
      .pipe(
        mergeMap((file) =>
          concat(file.write(6, 'end'), file.write(3, 'mid'), file.write(0, 'beg'), file.close()),
        ),
      );
    await done(write$);
    expect(await textOf(fs, '/parts')).toBe('begmidend');
  });

  it('take a megabyte in small lines', async () => {
    const line = `${'x'.repeat(1023)}\n`;
    const lines = Array.from({ length: 1024 }, () => utf8Bytes(line));
    await done(fs.writeFile('/hongry.txt', lines));
    expect((await lastValueFrom(fs.stat('/hongry.txt'))).size).toBe(1024 * 1024);
    expect((await allOf(fs.lines('/hongry.txt'))).every((read) => read.length === 1023)).toBe(true);
  });

  it('are a hundred, written side by side and read in another order', async () => {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    await lastValueFrom(
      forkJoin(
        numbers.map((number) =>
          fs
            .writeFile(`/file${String(number)}.txt`, `this is file #${String(number)}.\n`)
            .pipe(toArray()),
        ),
      ),
    );
    const shuffled = numbers.map((number) => (number * 37) % 100);
    const read$ = from(shuffled).pipe(
      mergeMap((number) => fs.lines(`/file${String(number)}.txt`), 10),
      toArray(),
    );
    const read = await lastValueFrom(read$);
    expect(read.sort()).toEqual(
      shuffled.map((number) => `this is file #${String(number)}.`).sort(),
    );
  });
});

describe('folders and paths', () => {
  it('are made, listed and removed, with their errors', async () => {
    await done(fs.mkdir('/sub'));
    await expect(done(fs.mkdir('/sub'))).rejects.toMatchObject(refusal('FAILURE'));
    await plant(fs, { '/sub/fish.txt': '', '/sub/fish2.txt': '' });
    expect((await allOf(fs.list('/sub'))).map(({ name }) => name.text)).toEqual([
      'fish.txt',
      'fish2.txt',
    ]);
    await expect(done(fs.rmdir('/sub'))).rejects.toMatchObject(refusal('FAILURE'));
    await done(concat(fs.remove('/sub/fish.txt'), fs.remove('/sub/fish2.txt'), fs.rmdir('/sub')));
    await expect(done(fs.rmdir('/sub'))).rejects.toMatchObject(refusal('NO_SUCH_FILE'));
    await expect(allOf(fs.list('/sub'))).rejects.toMatchObject(refusal('NO_SUCH_FILE'));
  });

  it('have permissions and times', async () => {
    await plant(fs, { '/special': 'x'.repeat(1024) });
    const { permissions = 0 } = await lastValueFrom(fs.stat('/special'));
    await done(fs.chmod('/special', permissions & ~0o022 & 0o777));
    await done(fs.utimes('/special', 1_000_000, new Date(2_000_000_000)));
    expect(await lastValueFrom(fs.stat('/special'))).toMatchObject({
      ...{ permissions: permissions & ~0o022, atime: 1_000_000, mtime: 2_000_000 },
    });
    await done(fs.truncate('/special', 512));
    expect((await lastValueFrom(fs.stat('/special'))).size).toBe(512);
  });

  it('are linked: stat follows, lstat does not', async () => {
    await plant(fs, { '/original.txt': 'original\n', '/link.txt': ['original.txt'] });
    expect((await lastValueFrom(fs.readlink('/link.txt'))).text).toBe('original.txt');
    expect(await textOf(fs, '/link.txt')).toBe('original\n');
    expect((await lastValueFrom(fs.lstat('/link.txt'))).size).toBe('original.txt'.length);
    expect((await lastValueFrom(fs.stat('/link.txt'))).size).toBe('original\n'.length);
    await done(fs.remove('/link.txt'));
    expect(await textOf(fs, '/original.txt')).toBe('original\n');
  });

  it('are made absolute and plain', async () => {
    await plant(fs, { '/a/b/': '' });
    const real = async (path: string): Promise<string> =>
      (await lastValueFrom(fs.realpath(path))).text;
    expect(await real('.')).toBe('/');
    expect(await real('a/./b/..')).toBe('/a');
    expect(await real('/a/b/../../..')).toBe('/');
  });
});
