/** Our client on our server: what a user of the client can rely on. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, map, mergeMap, type Observable, of, take, throwError } from 'rxjs';
import { drain } from '../../../src/operators/drain.ts';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { SftpClient } from '../../../src/sftp/client/sftp-client.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { clientOf, plant, textOf } from '../../support/sftp-pair.ts';

afterEach(closeEmbedded);

async function withFiles(files: Record<string, string>): Promise<SftpClient> {
  const fs = await clientOf(memoryFileSystem());
  await plant(fs, files);
  return fs;
}

describe('files', () => {
  it('are read whole, in part, and by lines', async () => {
    const fs = await withFiles({ '/f': 'one\ntwo\nthree' });
    expect(await textOf(fs, '/f')).toBe('one\ntwo\nthree');
    expect(await allOf(fs.read('/f', { start: 4, end: 7 }))).toEqual(['two', 'complete']);
    expect(await allOf(fs.lines('/f'))).toEqual(['one', 'two', 'three', 'complete']);
    expect(await allOf(fs.lines('/f', { start: 4, maxLength: 4 }))).toMatchObject([
      'two',
      { kind: 'overflow' },
    ]);
    expect(await allOf(fs.readFile('/f', { maxBytes: 12 }))).toMatchObject([{ kind: 'overflow' }]);
  });

  it('are written from bytes, text and streams', async () => {
    const fs = await withFiles({});
    const sources = ['text', new TextEncoder().encode('bytes'), ['a', 'b'], of('x', 'y')];
    const written: string[] = [];
    for (const source of sources) {
      await allOf(fs.writeFile('/f', source));
      written.push(await textOf(fs, '/f'));
    }
    expect(written).toEqual(['text', 'bytes', 'ab', 'xy']);
  });

  it('tell how much was taken as they are written', async () => {
    const fs = await withFiles({});
    const seen = await allOf(fs.write('/f').pump(['abc', 'defg']));
    expect(seen.slice(-2)).toEqual([7, 'complete']);
    expect(await allOf(fs.write('/f').pump([]))).toEqual([0, 'complete']);
    expect(await textOf(fs, '/f')).toBe('');
  });

  it('go from one server to another at the pace of the slower one', async () => {
    const content = 'lorem ipsum '.repeat(100_000);
    const [from, to] = [await withFiles({ '/a': content }), await withFiles({})];
    const pump$ = to
      .write('/b')
      .pump(from.read('/a').pipe(drain((chunk) => turn().then(() => chunk))));
    expect((await allOf(pump$)).at(-1)).toBe('complete');
    expect(await textOf(to, '/b')).toBe(content);
  });

  it('are appended to, copied, and made only when they are not there', async () => {
    const fs = await withFiles({ '/f': 'one' });
    await allOf(concat(fs.appendFile('/f', ',two'), fs.copy('/f', '/g')));
    expect(await textOf(fs, '/g')).toBe('one,two');
    expect(await allOf(fs.writeFile('/g', 'x', { flags: 'wx' }))).toMatchObject([{ kind: 'sftp' }]);
    expect(await allOf(fs.writeFile('/h', 'x', { flags: 'x' }))).toEqual(['complete']);
    expect(await allOf(fs.copy('/f', '/f'))).toMatchObject([{ kind: 'config' }]);
    expect(await textOf(fs, '/f')).toBe('one,two');
  });

  it('that cannot be opened say so', async () => {
    const fs = await withFiles({});
    const operations: readonly Observable<unknown>[] = [
      ...[fs.read('/x'), fs.list('/x'), fs.copy('/x', '/y'), fs.open('/x')],
    ];
    for (const operation$ of operations) {
      expect(await allOf(operation$)).toMatchObject([
        { kind: 'sftp', detail: { name: 'NO_SUCH_FILE', path: '/x' } },
      ]);
    }
  });

  it('whose source breaks before they are open say what broke', async () => {
    const fs = await withFiles({});
    const broken = throwError(() => new Error('broken'));
    expect(await allOf(fs.writeFile('/f', broken))).toEqual([new Error('broken')]);
  });

  it('may be many at a time', async () => {
    const fs = await withFiles({});
    const names = Array.from({ length: 50 }, (_, n) => `/f${String(n)}`);
    await allOf(of(...names).pipe(mergeMap((name) => fs.writeFile(name, name.repeat(1000)))));
    const texts$ = of(...names).pipe(
      mergeMap((name) =>
        fs.readFile(name).pipe(map((bytes) => utf8Text(bytes) === name.repeat(1000))),
      ),
    );
    expect(await allOf(texts$)).toEqual([...names.map(() => true), 'complete']);
  });
});

it('a folder of a thousand entries can be left after ten', async () => {
  const fs = await withFiles({ '/many/': '' });
  const names = Array.from({ length: 1000 }, (_, n) => `/many/${String(n)}`);
  await allOf(of(...names).pipe(mergeMap((name) => fs.writeFile(name, ''), 50)));
  expect(
    await allOf(
      fs.list('/many').pipe(
        take(10),
        map(({ name }) => name.text),
      ),
    ),
  ).toHaveLength(11);
  expect((await allOf(fs.list('/many'))).length).toBe(1001);
});
