import { closeSync, openSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, Subject } from 'rxjs';
import { deliver } from '../../../src/operators/credit.ts';
import { fileName } from '../../../src/sftp/file-name.ts';
import { QUICK_BYTES } from '../../../src/sftp/quick-calls-node.ts';
import { LocalDescriptor } from '../../../src/sftp/transfer/local-descriptor-node.ts';
import { writeAll } from '../../../src/sftp/transfer/write-all-node.ts';
import { useDirectory } from '../../support/ssh-keygen.ts';

const path = useDirectory();

/** Writes chunks into a file that is open in this way; tells what came of it, and how much credit is back. */
function writing(name: string, flags: string, chunks: readonly Uint8Array[], start = 0) {
  const fd = openSync(path(name), flags);
  const file = new LocalDescriptor(fd, fileName(Buffer.from(path(name))));
  const source = new Subject<Uint8Array>();
  const seen: unknown[] = [];
  let acknowledged = 0;
  const ended = new Promise<void>((resolve) => {
    source.pipe(writeAll(file, start)).subscribe({
      next: (bytes) => seen.push(bytes),
      error: (error: unknown) => {
        seen.push(error);
        resolve();
      },
      complete: () => {
        seen.push('complete');
        resolve();
      },
    });
  });
  for (const chunk of chunks) deliver(source, chunk, () => acknowledged++);
  const before = acknowledged;
  return {
    source,
    ended,
    seen,
    before,
    acknowledged: () => acknowledged,
    close: () => closeSync(fd),
  };
}

describe('writeAll', () => {
  it('writes what comes, in order, and gives credit back when it is written', async () => {
    const length = QUICK_BYTES + 1;
    const chunks = Array.from({ length: 200 }, (_, index) => new Uint8Array(length).fill(index));
    const { source, ended, seen, before, acknowledged, close } = writing('all', 'w', chunks);
    source.complete();
    expect(before).toBe(0);
    await ended;
    close();
    expect(acknowledged()).toBe(200);
    expect(seen).toEqual([...chunks.map((_, index) => length * (index + 1)), 'complete']);
    expect(Buffer.compare(readFileSync(path('all')), Buffer.concat(chunks))).toBe(0);
  });

  it('gives back what was written, and what is lent not at all', async () => {
    const fd = openSync(path('back'), 'w+');
    const file = new LocalDescriptor(fd, fileName(Buffer.from(path('back'))));
    const own = new Uint8Array(QUICK_BYTES + 1).fill(1);
    const lent = new Uint8Array(QUICK_BYTES + 1).fill(2);
    const onDisk: Buffer[] = [];
    const back: Uint8Array[] = [];
    const source = new Subject<Uint8Array>();
    const writing$ = source.pipe(
      writeAll(file, 0, (chunk) => {
        back.push(chunk);
        onDisk.push(readFileSync(path('back')).subarray(0, own.length));
      }),
    );
    const ended = lastValueFrom(writing$);
    deliver(source, own, () => {});
    deliver(source, lent, () => {}, true);
    source.complete();
    expect(await ended).toBe(own.length + lent.length);
    closeSync(fd);
    expect(back).toEqual([own]);
    expect(onDisk).toEqual([Buffer.from(own)]);
  });

  it('begins where it is told, and writes what it has before an error', async () => {
    const { source, ended, seen, close } = writing('late', 'w', [Uint8Array.of(1, 2)], 3);
    source.error(new Error('lost'));
    await ended;
    close();
    expect(seen).toMatchObject([2, { message: 'lost' }]);
    expect([...readFileSync(path('late'))]).toEqual([0, 0, 0, 1, 2]);
  });

  it('errors when a file cannot be written, with all credit back', async () => {
    closeSync(openSync(path('readable'), 'w'));
    const chunks = [new Uint8Array(10), new Uint8Array(10)];
    const { ended, seen, acknowledged, close } = writing('readable', 'r', chunks);
    await ended;
    // the second one is refused on its own
    while (acknowledged() < 2) await new Promise((resolve) => setImmediate(resolve));
    close();
    expect(seen).toMatchObject([{ kind: 'transfer', detail: { reason: 'local' } }]);
  });
});
