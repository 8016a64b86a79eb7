import { describe, expect, it } from '@jest/globals';
import { fileName } from '../../../src/sftp/file-name.ts';
import { entryNameProblem, lastName, parentPath } from '../../../src/sftp/trees/entry-name.ts';
import { utf8Bytes, utf8Text } from '../../../src/wire/bytes.ts';

describe('entryNameProblem', () => {
  it.each(['', '.', '..', '../x', '/etc/x', 'a/b', 'a/', 'x\0y'])('refuses %j', (name) => {
    expect(entryNameProblem(fileName(utf8Bytes(name)))).toBeDefined();
  });

  it.each(['a', '...', '..a', '-rf', 'a b', '\\', 'a:b', '\u001b[2J', '\n'])('takes %j', (name) => {
    expect(entryNameProblem(fileName(utf8Bytes(name)))).toBeUndefined();
  });

  it('takes what is not UTF-8', () => {
    expect(entryNameProblem(fileName(Uint8Array.of(0xff, 0xfe)))).toBeUndefined();
  });
});

it.each([
  ['/a/b/c', 'c', '/a/b'],
  ['/a/b//', 'b', '/a'],
  ['/a', 'a', '/'],
  ['//a', 'a', '/'],
  ['a', 'a', undefined],
  ['a//b', 'b', 'a'],
  ['/', '', undefined],
  ['', '', undefined],
])('%j ends in %j, in %j', (path, last, parent) => {
  const bytes = utf8Bytes(path);
  expect(utf8Text(lastName(fileName(bytes)))).toBe(last);
  const above = parentPath(bytes);
  expect(above && utf8Text(above)).toBe(parent);
});
