import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GatheredWrites } from '../../src/sftp/gathered-writes-node.ts';
import { QUICK_BYTES } from '../../src/sftp/quick-calls-node.ts';

let folder: string;
let fd: number;
const file = (): string => join(folder, 'file');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxssh-writes-'));
  fd = openSync(file(), 'w');
});

afterEach(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

function written(writes: GatheredWrites, bytes: Uint8Array, position: number): Promise<unknown> {
  return new Promise((resolve) => void writes.write(bytes, position, resolve));
}

describe('GatheredWrites', () => {
  it('leaves what one write after the other would leave, also where they overlap', async () => {
    const write = fc.record({ position: fc.nat(40), bytes: fc.uint8Array({ maxLength: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 40 }), async (all) => {
        const name = join(folder, 'random');
        const random = openSync(name, 'w');
        const writes = new GatheredWrites(random, true);
        const model = new Uint8Array(60);
        let size = 0;
        for (const { bytes, position } of all) {
          model.set(bytes, position);
          if (bytes.length > 0) size = Math.max(size, position + bytes.length);
        }
        const ends = await Promise.all(
          all.map(({ bytes, position }) => written(writes, bytes, position)),
        );
        closeSync(random);
        expect(ends.every((error) => error === null)).toBe(true);
        expect(Uint8Array.from(readFileSync(name))).toEqual(model.slice(0, size));
      }),
      { numRuns: 50 },
    );
  });

  it('writes a few bytes at once to a quick disk when nothing is under way', async () => {
    const writes = new GatheredWrites(fd, true);
    const ends: unknown[] = [];
    writes.write(Uint8Array.of(1, 2), 0, (error) => {
      ends.push(error);
      // from within another one, it waits its turn
      writes.write(Uint8Array.of(3), 2, (later) => ends.push(later));
      ends.push('asked');
    });
    expect(ends).toEqual([null, 'asked']);
    await written(writes, Uint8Array.of(4), 3);
    expect(ends).toEqual([null, 'asked', null]);
    expect([...readFileSync(file())]).toEqual([1, 2, 3, 4]);
  });

  it('takes a write back that has not begun', async () => {
    const writes = new GatheredWrites(fd);
    const large = new Uint8Array(QUICK_BYTES + 1);
    const first = written(writes, large, 4);
    const ends: unknown[] = [];
    const takeBack = writes.write(Uint8Array.of(2), 0, (error) => ends.push(error));
    const last = written(writes, Uint8Array.of(3), 1);
    takeBack();
    takeBack();
    expect(ends).toEqual([null]);
    await Promise.all([first, last]);
    expect([...readFileSync(file()).subarray(0, 4)]).toEqual([0, 3, 0, 0]);
  });

  it('tells everyone of an error', async () => {
    const readable = openSync(file(), 'r');
    const writes = new GatheredWrites(readable);
    const ends = await Promise.all([0, 1, 2].map((at) => written(writes, Uint8Array.of(at), at)));
    closeSync(readable);
    for (const error of ends) expect(error).toMatchObject({ code: 'EBADF' });
  });
});
