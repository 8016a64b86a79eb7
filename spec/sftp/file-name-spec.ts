import { describe, expect, it } from '@jest/globals';
import { fileName, joinPath, pathBytes, pathText } from '../../src/sftp/file-name.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { reading } from '../support/damage.ts';

describe('a name', () => {
  it('keeps its bytes beside text that does not lead back to them', () => {
    const name = fileName(Uint8Array.of(0x61, 0xff));
    expect(name.text).toBe('a\ufffd');
    expect(pathBytes(name)).toEqual(Uint8Array.of(0x61, 0xff));
    expect(pathText(name)).toBe('a\ufffd');
  });

  it('is text, bytes or a name', () => {
    expect(pathBytes('/ä')).toEqual(utf8Bytes('/ä'));
    expect(pathBytes(Uint8Array.of(1))).toEqual(Uint8Array.of(1));
    expect(pathText(utf8Bytes('/ä'))).toBe('/ä');
    expect(pathText('/ä')).toBe('/ä');
  });

  it('has no NUL', () => {
    expect(reading(() => pathBytes('a\0b'))).toBe('config');
  });

  it.each([
    ['/srv', 'a', '/srv/a'],
    ['/srv/', 'a', '/srv/a'],
    ['/', 'a', '/a'],
    ['', 'a', 'a'],
    ['.', 'a', './a'],
    ['/srv', '/a', '/a'],
  ])('in %j is %j: %j', (folder, name, path) => {
    expect(joinPath(folder, name).text).toBe(path);
  });

  it('joins bytes that are no text', () => {
    expect(joinPath('/x', Uint8Array.of(0xff)).bytes).toEqual(
      Uint8Array.of(0x2f, 0x78, 0x2f, 0xff),
    );
  });
});
