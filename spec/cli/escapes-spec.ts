/** What is meant for the program among what is typed. */
import { describe, expect, it } from '@jest/globals';
import { from, map } from 'rxjs';
import { escapeCharacter, escapes } from '../../src/cli/escapes.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';

/** What becomes of chunks: what is sent, and commands in brackets. */
function become(chunks: readonly string[], escape = 0x7e): string {
  let all = '';
  from(chunks)
    .pipe(
      map(utf8Bytes),
      escapes(escape, (command) => (all += `[${command}]`)),
    )
    .subscribe((bytes) => (all += utf8Text(bytes)));
  return all;
}

describe('escapes', () => {
  it.each([
    ['~.', '[disconnect]'],
    ['~?', '[help]'],
    ['~\u001a', '[suspend]'],
    ['~B~R', '[break][rekey]'],
    ['ls\r~.', 'ls\r[disconnect]'],
    ['ls\n~?more', 'ls\n[help]more'],
    // not at the beginning of a line
    ['a~.', 'a~.'],
    ['~?a~.', '[help]a~.'],
    // two are one, and what follows is not at the beginning
    ['~~.', '~.'],
    ['~~~.', '~~.'],
    // no command
    ['~x~.', '~x~.'],
    ['~\r~.', '~\r[disconnect]'],
    ['', ''],
  ])('%j is %j, however it is cut', (typed, expected) => {
    expect(become([typed])).toBe(expected);
    expect(become(typed.split(''))).toBe(expected);
  });

  it('takes another character, and leaves ~ alone then', () => {
    expect(become(['~.\r\u0001.'], 0x01)).toBe('~.\r[disconnect]');
  });
});

describe('EscapeChar', () => {
  it.each([
    ['~', 0x7e],
    ['^', 0x5e],
    ['^A', 0x01],
    ['^]', 0x1d],
    ['^z', 0x1a],
    ['none', 'none'],
  ])('%s', (value, code) => {
    expect(escapeCharacter('EscapeChar', value)).toBe(code);
  });

  it.each(['', ' ', 'ab', '^^^', 'é'])('refuses %j', (value) => {
    expect(() => escapeCharacter('EscapeChar', value)).toThrow('expected a character');
  });
});
