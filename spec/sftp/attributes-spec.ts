import { describe, expect, it } from '@jest/globals';
import { attributes, type FileAttributes } from '../../src/sftp/attributes.ts';
import { fromHex, toHex } from '../../src/wire/bytes.ts';
import { Reader } from '../../src/wire/reader.ts';
import { Writer } from '../../src/wire/writer.ts';
import { reading } from '../support/damage.ts';

function read(hex: string): FileAttributes {
  const reader = new Reader(fromHex(hex));
  const value = attributes.read(reader);
  reader.end();
  return value;
}

function written(value: FileAttributes): string {
  const writer = new Writer();
  attributes.write(writer, value);
  return toHex(writer.view());
}

describe('attributes', () => {
  it('have what their flags say, and nothing else', () => {
    expect(read('00000000')).toEqual({});
    expect(read('00000005 0000000140000000 000081a4')).toEqual({
      size: 5 * 1024 ** 3,
      permissions: 0o100644,
    });
    expect(read('0000000a 00000001 00000002 00000003 00000004')).toEqual({
      ...{ uid: 1, gid: 2, atime: 3, mtime: 4 },
    });
  });

  it('pass over flags of later versions', () => {
    expect(read('00000070')).toEqual({});
  });

  it('take a size that no number holds as the nearest one (SC8, SC12)', () => {
    expect(read('00000001 8000000000000000')).toEqual({ size: 2 ** 63 });
    expect(read('00000001 ffffffffffffffff')).toEqual({ size: 2 ** 64 });
  });

  it.each([
    ['a count of extended attributes past the bytes', '80000000 ffffffff'],
    ['more of them than is sensible', `80000000 00000101 ${'00'.repeat(0x101 * 8)}`],
    ['all flags and nothing behind', 'ffffffff'],
  ])('are a protocol error with %s (SC8)', (_what, hex) => {
    expect(reading(() => read(hex))).toBe('protocol');
  });

  it.each<FileAttributes>([
    { uid: 1 },
    { gid: 1 },
    { mtime: 1 },
    { atime: 1 },
    { size: -1 },
    { size: 1.5 },
    { size: 2 ** 64 },
    { permissions: 2 ** 32 },
    { atime: 1.5, mtime: 1 },
    { uid: -1, gid: 0 },
  ])('are not written with %j', (wrong) => {
    expect(reading(() => written(wrong))).toBe('config');
  });

  it('are written with sizes past what a number counts', () => {
    expect(written({ size: 2 ** 63 })).toBe('000000018000000000000000');
  });
});
