import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  escapePattern,
  isPattern,
  parseCommandLine,
  plainText,
  quoteWord,
  splitWords,
  takeOptions,
} from '../../src/cli/sftp-parser.ts';

const texts = (line: string): string[] =>
  parseCommandLine(line)?.words.map(({ text }) => text) ?? [];
const patterns = (line: string): string[] =>
  parseCommandLine(line)?.words.map(({ pattern }) => pattern) ?? [];

describe('a line', () => {
  it('has a command and words', () => {
    expect(parseCommandLine('  GET  a b\t')).toEqual({
      name: 'get',
      words: [
        { text: 'a', pattern: 'a' },
        { text: 'b', pattern: 'b' },
      ],
      mayFail: false,
      isSilent: false,
    });
  });

  it.each(['', '   ', '# ls', '  #'])('is nothing: %j', (line) => {
    expect(parseCommandLine(line)).toBeUndefined();
  });

  it.each([
    ['-rm x', true, false],
    ['@rm x', false, true],
    ['-@ rm x', true, true],
    ['@-rm x', true, true],
  ])('may be marked: %j', (line, mayFail, isSilent) => {
    expect(parseCommandLine(line)).toMatchObject({ name: 'rm', mayFail, isSilent });
  });

  it.each([
    ["get 'a b'", ['a b']],
    ['get "a b"c', ['a bc']],
    ['get a\\ b', ['a b']],
    [String.raw`get "a\"b\\c\d"`, [String.raw`a"b\c\d`]],
    [String.raw`get 'a\'`, ['a\\']],
    ["get ''", ['']],
    ['get a #b', ['a']],
    ['get a#b \\#c', ['a#b', '#c']],
    ['get 😀\\😀', ['😀😀']],
  ])('has quotes: %s', (line, expected) => {
    expect(texts(line)).toEqual(expected);
  });

  it.each([
    ['rm *', ['*']],
    ["rm '*'", ['\\*']],
    ['rm "[a]"*', ['\\[a\\]*']],
    ['rm \\*', ['\\*']],
  ])('keeps what was quoted out of patterns: %s', (line, expected) => {
    expect(patterns(line)).toEqual(expected);
  });

  it.each(["get 'a", 'get "a', 'get a\\', 'get "a\\"'])('must be complete: %s', (line) => {
    expect(() => parseCommandLine(line)).toThrow(/not closed|backslash/);
  });

  it('leaves to the shell what is behind a !', () => {
    expect(parseCommandLine(`!echo "a`)).toMatchObject({
      name: '!',
      words: [{ text: 'echo "a' }],
    });
    expect(parseCommandLine(' ! ')).toMatchObject({ name: '!', words: [] });
  });

  it('gives back every name that was quoted for it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const [word] = parseCommandLine(`rm ${quoteWord(name)}`)?.words ?? [];
        expect(word?.text).toBe(name);
        expect(plainText(word?.pattern ?? '')).toBe(name);
        expect(isPattern(word?.pattern ?? '')).toBe(false);
      }),
    );
  });
});

describe('options', () => {
  const take = (line: string, known = 'rp') => {
    const { options, words } = takeOptions('get', parseCommandLine(line)?.words ?? [], known);
    return [[...options].join(''), ...words.map(({ text }) => text)];
  };

  it('are letters in front of the names', () => {
    expect(take('get -r -p a -x')).toEqual(['rp', 'a', '-x']);
    expect(take('get -rp - a')).toEqual(['rp', '-', 'a']);
  });

  it('end at --', () => {
    expect(take('rm -r -- -rf')).toEqual(['r', '-rf']);
  });

  it('have to be known', () => {
    expect(() => take('get -z a')).toThrow('get: has no option -z');
  });
});

describe('a pattern', () => {
  it.each(['*', 'a?', '[ab]', 'x{a,b}', 'a\\\\*'])('stands for names: %s', (text) => {
    expect(isPattern(text)).toBe(true);
  });

  it.each(['a', '', 'a\\*', '\\[a]', 'a]'])('stands for one name: %s', (text) => {
    expect(isPattern(text)).toBe(false);
  });

  it('can be made of a name', () => {
    expect(escapePattern('a*[b]\\')).toBe('a\\*\\[b\\]\\\\');
  });
});

describe('a line that is being typed', () => {
  it.each([
    ['', [], 0],
    ['ge', ['ge'], 0],
    ['get ', ['get'], 4],
    ['get a\\ b', ['get', 'a b'], 4],
    ['get "a b', ['get', 'a b'], 4],
    ['get a\\', ['get', 'a'], 4],
  ])('has a last word: %j', (line, words, lastAt) => {
    const split = splitWords(line, false);
    expect(split.words.map(({ text }) => text)).toEqual(words);
    expect(split.lastAt).toBe(lastAt);
  });
});
