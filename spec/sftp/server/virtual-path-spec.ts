import { describe, expect, it } from '@jest/globals';
import { isSshError } from '../../../src/errors.ts';
import {
  folderOf,
  isWithin,
  leadsOut,
  nameOf,
  overlap,
  virtualPath,
} from '../../../src/sftp/server/virtual-path.ts';
import { utf8Bytes as bytes, utf8Text } from '../../../src/wire/bytes.ts';

describe('virtualPath', () => {
  it.each([
    ['', '/home', '/home'],
    ['.', '/home', '/home'],
    ['a/b', '/home', '/home/a/b'],
    ['/a//b/', '/home', '/a/b'],
    ['../../..', '/home', '/'],
    ['/../a/./../b', '/', '/b'],
    ['...', '/', '/...'],
    ['.a/..b', '/', '/.a/..b'],
  ])('%j in %s is %s', (path, folder, expected) => {
    expect(utf8Text(virtualPath(bytes(path), bytes(folder)))).toBe(expected);
  });

  it('keeps bytes that are no text', () => {
    expect(virtualPath(Uint8Array.of(0xff, 0x2f, 0xfe))).toEqual(
      Uint8Array.of(0x2f, 0xff, 0x2f, 0xfe),
    );
  });

  it.each(['a\0', 'a'.repeat(4097)])('refuses %#', (path) => {
    let thrown: unknown;
    try {
      virtualPath(bytes(path));
    } catch (error) {
      thrown = error;
    }
    expect(isSshError(thrown, 'sftp') && thrown.detail.name).toBe('BAD_MESSAGE');
  });
});

it('knows what lies where', () => {
  expect(utf8Text(folderOf(bytes('/a/b')))).toBe('/a');
  expect(utf8Text(folderOf(bytes('/a')))).toBe('/');
  expect(utf8Text(nameOf(bytes('/a/b')))).toBe('b');
  expect(nameOf(bytes('/'))).toHaveLength(0);
  expect(isWithin(bytes('/srv/x'), bytes('/srv'))).toBe(true);
  expect(isWithin(bytes('/srv'), bytes('/srv'))).toBe(true);
  expect(isWithin(bytes('/srvx'), bytes('/srv'))).toBe(false);
  expect(isWithin(bytes('/srv'), bytes('/srv/x'))).toBe(false);
  expect(isWithin(bytes('/x'), bytes('/'))).toBe(true);
  expect(overlap(bytes('/a'), bytes('/a/b'))).toBe(true);
  expect(overlap(bytes('/a/c'), bytes('/a/b'))).toBe(false);
});

it.each([
  ['..', '/a', false],
  ['..', '/', true],
  ['../..', '/a', true],
  ['b/../../..', '/a', true],
  ['../b/..', '/a', false],
  ['./../.', '/', true],
])('%s from %s leads out: %s', (target, folder, expected) => {
  expect(leadsOut(bytes(target), bytes(folder))).toBe(expected);
});
