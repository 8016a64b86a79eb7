import { closeSync, openSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, map, reduce } from 'rxjs';
import { holdCredit, type Release } from '../../../src/operators/credit.ts';
import type { ReadRange } from '../../../src/sftp/client/file-reader.ts';
import { Descriptor } from '../../../src/sftp/descriptor-node.ts';
import { LARGEST_DATA } from '../../../src/sftp/packets.ts';
import { readAll } from '../../../src/sftp/transfer/read-all-node.ts';
import type { ByteStream } from '../../../src/streams/byte-duplex.ts';
import { useDirectory } from '../../support/ssh-keygen.ts';

const path = useDirectory();
const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

/** The bytes of a file that is open while `use` is at work. */
async function reading<T>(
  bytes: Uint8Array,
  isLocal: boolean,
  range: ReadRange,
  use: (bytes$: ByteStream) => Promise<T>,
): Promise<T> {
  writeFileSync(path('file'), bytes);
  const fd = openSync(path('file'), 'r');
  try {
    return await use(readAll(new Descriptor(fd), range, isLocal, (error) => error));
  } finally {
    closeSync(fd);
  }
}

describe.each([true, false])('readAll (from a disk of this machine: %s)', (isLocal) => {
  it.each<[ReadRange, number, number]>([
    [{}, 0, 1000],
    [{ start: 10, end: 20 }, 10, 20],
    [{ start: 990, end: 5000 }, 990, 1000],
    [{ start: 7, end: 7 }, 7, 7],
    [{ start: 2000 }, 1000, 1000],
    [{ expected: 1000 }, 0, 1000],
    [{ expected: 3 }, 0, 1000],
    [{ expected: 5000 }, 0, 1000],
  ])('reads %j', async (range, start, end) => {
    const pieces$ = (bytes$: ByteStream): Promise<Buffer> =>
      lastValueFrom(
        bytes$.pipe(
          map((piece) => Buffer.from(piece)),
          reduce((all, piece) => Buffer.concat([all, piece]), Buffer.alloc(0)),
        ),
      );
    const read = await reading(content, isLocal, range, pieces$);
    expect(read.equals(content.subarray(start, end))).toBe(true);
  });

  it('reads no piece before the credit of the one before is back', async () => {
    const held: Release[] = [];
    const sizes: number[] = [];
    await reading(new Uint8Array(3 * LARGEST_DATA), isLocal, {}, async (bytes$) => {
      const over = new Promise<void>((resolve, reject) => {
        bytes$.subscribe({
          next: ({ length }) => {
            sizes.push(length);
            held.push(holdCredit());
          },
          error: reject,
          complete: resolve,
        });
      });
      for (let at = 0; at < 3; at++) {
        while (held.length <= at) await new Promise((resolve) => setImmediate(resolve));
        expect(held).toHaveLength(at + 1);
        held[at]?.();
      }
      await over;
    });
    expect(sizes).toEqual([LARGEST_DATA, LARGEST_DATA, LARGEST_DATA]);
  });

  it('lets others have a turn, however fast the disk', async () => {
    let turns = 0;
    const pieces = await reading(new Uint8Array(100 * LARGEST_DATA), isLocal, {}, (bytes$) => {
      const timer = setInterval(() => turns++, 0);
      const counted$ = bytes$.pipe(reduce((count) => count + 1, 0));
      return lastValueFrom(counted$).finally(() => clearInterval(timer));
    });
    expect(pieces).toBe(100);
    expect(turns).toBeGreaterThan(0);
  });
});
