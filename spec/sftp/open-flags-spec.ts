import { describe, expect, it } from '@jest/globals';
import { isAppending, openFlags, type OpenMode } from '../../src/sftp/open-flags.ts';
import { OpenFlag } from '../../src/sftp/packets.ts';
import { reading } from '../support/damage.ts';

describe('modes of opening', () => {
  it.each<[OpenMode, string]>([
    ['r', 'READ'],
    ['r+', 'READ WRITE'],
    ['w', 'WRITE CREAT TRUNC'],
    ['wx', 'WRITE CREAT TRUNC EXCL'],
    ['w+', 'READ WRITE CREAT TRUNC'],
    ['wx+', 'READ WRITE CREAT TRUNC EXCL'],
    ['a', 'WRITE APPEND CREAT'],
    ['ax', 'WRITE APPEND CREAT EXCL'],
    ['a+', 'READ WRITE APPEND CREAT'],
    ['ax+', 'READ WRITE APPEND CREAT EXCL'],
    ['x', 'WRITE CREAT EXCL'],
    ['x+', 'READ WRITE CREAT EXCL'],
  ])('%s is %s', (mode, names) => {
    const flags = openFlags(mode);
    const set = Object.entries(OpenFlag).filter(([, bit]) => (flags & bit) !== 0);
    expect(set.map(([name]) => name).join(' ')).toBe(names);
    expect(isAppending(mode)).toBe(mode.startsWith('a'));
  });

  it.each(['', 'rw', 'R', 'constructor'])('%j is none', (mode) => {
    expect(reading(() => openFlags(mode as OpenMode))).toBe('config');
  });
});
