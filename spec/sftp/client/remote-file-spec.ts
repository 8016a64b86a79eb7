import { afterEach, describe, expect, it } from '@jest/globals';
import { concat, map, mergeMap, NEVER, type Observable, startWith } from 'rxjs';
import { memoryFileSystem } from '../../../src/sftp/file-systems/memory-file-system.ts';
import type { RemoteFile } from '../../../src/sftp/client/remote-file.ts';
import { utf8Text } from '../../../src/wire/bytes.ts';
import { allOf, closeEmbedded, turn } from '../../support/embedded.ts';
import { clientOf, plant, textOf } from '../../support/sftp-pair.ts';
import { OneFile, SftpScript } from '../../support/sftp-script.ts';

afterEach(closeEmbedded);

describe('an open file', () => {
  it('is read and written at any place', async () => {
    const fs = await clientOf(memoryFileSystem());
    await plant(fs, { '/f': '0123456789' });
    const seen = await allOf(
      fs.open('/f', 'r+').pipe(
        mergeMap((file) =>
          concat(
            file.write(3, 'abc'),
            file.read(2, 5).pipe(map(utf8Text)),
            file.read(8, 100).pipe(map(utf8Text)),
            file.read(50, 10).pipe(map(utf8Text)),
            file.stat().pipe(map(({ size }) => size)),
            file.truncate(4),
            file.setstat({ permissions: 0o600 }),
            file.fsync(),
            file.statvfs().pipe(map(({ blockSize }) => blockSize > 0n)),
            file.bytes({ start: 1 }).pipe(map(utf8Text)),
            file
              .sink(2)
              .pump(['x', 'y', 'z'])
              .pipe(map((taken) => String(taken))),
            file.close(),
          ),
        ),
      ),
    );
    expect(seen.filter((value) => typeof value !== 'string' || !/^\d$/.test(value))).toEqual([
      ...['2abc6', '89', '', 10, true, '12a', 'complete'],
    ]);
    expect(await textOf(fs, '/f')).toBe('01xyz');
  });

  it('that is open to append is written at its end, whatever the place', async () => {
    const fs = await clientOf(memoryFileSystem());
    await plant(fs, { '/f': 'one' });
    await allOf(
      fs.open('/f', 'a').pipe(mergeMap((file) => concat(file.write(0, ',two'), file.close()))),
    );
    expect(await textOf(fs, '/f')).toBe('one,two');
  });

  it('is used by nobody once it is closed', async () => {
    const script = new SftpScript({ answer: new OneFile('abc').answer });
    const fs = await script.client();
    let file: RemoteFile | undefined;
    await allOf(fs.open('/f', 'r+').pipe(mergeMap((opened) => (file = opened).close())));
    expect(file?.isClosed).toBe(true);
    script.take();
    const uses: readonly ((open: RemoteFile) => Observable<unknown>)[] = [
      (open) => open.read(0, 1),
      (open) => open.write(0, 'x'),
      (open) => open.bytes(),
      (open) => open.stat(),
      (open) => open.setstat({}),
      (open) => open.truncate(),
    ];
    for (const use of uses) {
      expect(file === undefined ? [] : await allOf(use(file))).toMatchObject([
        { kind: 'released' },
      ]);
    }
    expect(file === undefined ? [] : await allOf(file.close())).toEqual(['complete']);
    expect(script.take()).toEqual([]);
  });

  it('stays open until it is unsubscribed from, and is closed once', async () => {
    const file = new OneFile('abc');
    const script = new SftpScript({ answer: file.answer });
    const fs = await script.client();
    const open = fs.open('/f').subscribe();
    await turn();
    expect(file.openHandles).toBe(1);
    open.unsubscribe();
    await turn();
    expect(file.openHandles).toBe(0);
    expect(script.of('CLOSE')).toHaveLength(1);
  });

  it('errors when the session ends', async () => {
    const script = new SftpScript({ answer: new OneFile().answer });
    const { client: fs, subscription } = await script.open();
    const seen = allOf(fs.open('/f').pipe(mergeMap(() => NEVER.pipe(startWith('open')))));
    await turn();
    subscription.unsubscribe();
    expect(await seen).toMatchObject(['open', { kind: 'released' }]);
  });
});
