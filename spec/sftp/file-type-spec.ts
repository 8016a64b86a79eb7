import { describe, expect, it } from '@jest/globals';
import {
  fileType,
  isDirectory,
  isFile,
  isSymbolicLink,
  listingLine,
  modeText,
  typeBits,
} from '../../src/sftp/file-type.ts';

describe('the type of a file', () => {
  it.each([
    [0o100644, 'file', '-rw-r--r--'],
    [0o040755, 'directory', 'drwxr-xr-x'],
    [0o120777, 'symbolic-link', 'lrwxrwxrwx'],
    [0o060660, 'block-device', 'brw-rw----'],
    [0o020620, 'character-device', 'crw--w----'],
    [0o010600, 'fifo', 'prw-------'],
    [0o140755, 'socket', 'srwxr-xr-x'],
    [0o000644, 'unknown', '?rw-r--r--'],
    [0o104755, 'file', '-rwsr-xr-x'],
    [0o102644, 'file', '-rw-r-Sr--'],
    [0o041777, 'directory', 'drwxrwxrwt'],
    [0o041776, 'directory', 'drwxrwxrwT'],
  ])('of mode %o is %s, shown as %s', (permissions, type, text) => {
    expect(fileType({ permissions })).toBe(type);
    expect(modeText({ permissions })).toBe(text);
    expect(typeBits(fileType({ permissions }))).toBe(
      type === 'unknown' ? 0 : permissions & 0o170000,
    );
  });

  it('is unknown without a mode', () => {
    expect(fileType({})).toBe('unknown');
  });

  it('is asked for by name', () => {
    const ask = (permissions: number): boolean[] =>
      [isFile, isDirectory, isSymbolicLink].map((is) => is({ permissions }));
    expect(ask(0o100000)).toEqual([true, false, false]);
    expect(ask(0o040000)).toEqual([false, true, false]);
    expect(ask(0o120000)).toEqual([false, false, true]);
  });
});

describe('the line of ls -l', () => {
  const now = new Date(2026, 10, 22, 12).getTime();
  const mtime = new Date(2026, 2, 5, 14, 9).getTime() / 1000;
  const attributes = { permissions: 0o100755, size: 348_911, uid: 1000, gid: 100, mtime };

  it('has a year for what is old', () => {
    expect(listingLine('t-filexfer', attributes, { owner: 'mjos', group: 'staff', now })).toBe(
      '-rwxr-xr-x    1 mjos     staff      348911 Mar  5  2026 t-filexfer',
    );
  });

  it('has a time for what is not', () => {
    const soon = new Date(2026, 2, 6).getTime();
    expect(listingLine('t', attributes, { links: 12, now: soon })).toBe(
      '-rwxr-xr-x   12 1000     100        348911 Mar  5 14:09 t',
    );
  });

  it('says ? for what is not known', () => {
    expect(listingLine('x', {}, { now: 0 })).toMatch(/^\?-{9} {4}1 \? {8}\? {15}0 /);
  });
});
