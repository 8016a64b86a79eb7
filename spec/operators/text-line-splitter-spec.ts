import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Observable } from 'rxjs';
import { isSshError } from '../../src/errors.ts';
import { LineSplitter } from '../../src/operators/line-splitter.ts';
import {
  splitLines,
  type SplitLinesOptions,
  type Splitter,
} from '../../src/operators/split-lines.ts';
import { TextLineSplitter } from '../../src/operators/text-line-splitter.ts';
import { linesOf } from '../support/lines.ts';
import { chunked, utf8 } from '../support/marbles.ts';

function universal(...chunks: readonly string[]): string[] {
  return linesOf(chunks.map(utf8), new TextLineSplitter({ universal: true }));
}

describe('lines with the ends of any system (paramiko: test_file 2, 3)', () => {
  it.each<[string, string[], string[]]>([
    ['LF, CR and CR LF', ['a\nb\rc\r\nd'], ['a', 'b', 'c', 'd']],
    ['empty lines', ['\r\r\n\n\r'], ['', '', '', '']],
    ['CR and LF in two chunks, which are one end', ['a\r', '\nb\r', '\n'], ['a', 'b']],
    ['CR and LF in two chunks with nothing between', ['a\r', '', '\nb'], ['a', 'b']],
    ['CR at the end of a chunk, and no LF', ['a\r', 'b\r', '\r', '\n'], ['a', 'b', '']],
    ['a last line without an end', ['not\nquite', ' enough'], ['not', 'quite enough']],
    ['nothing', [''], []],
  ])('takes %s', (_name, chunks, lines) => {
    expect(universal(...chunks)).toEqual(lines);
  });

  it('emits at a CR, and does not wait for what follows it', () => {
    const lines: string[] = [];
    const splitter = new TextLineSplitter({ universal: true });
    splitter.push(utf8('10 %\r'), (line) => lines.push(line));
    expect(lines).toEqual(['10 %']);
  });

  it('has the same lines whatever the chunks are', () => {
    const texts = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', 'é', '', '𝄞'));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 5 }), (parts, size) => {
        const text = parts.join('');
        const expected = text.split(/\r\n|\r|\n/);
        if (expected.at(-1) === '') expected.pop();
        const chunks = chunked(utf8(text), size);
        expect(linesOf(chunks, new TextLineSplitter({ universal: true }))).toEqual(expected);
      }),
    );
  });

  it('is without `universal` what the splitter for UTF-8 is', () => {
    const texts = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', 'é', '𝄞', '\ufeff'));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 5 }), (parts, size) => {
        const chunks = chunked(utf8(parts.join('')), size);
        const slow = linesOf(chunks, new TextLineSplitter({ encoding: 'utf8' }));
        expect(slow).toEqual(linesOf(chunks, new LineSplitter()));
      }),
    );
  });

  it.each(['\n', '\r\n', '\r'])('caps a line that ends with %j, behind those before it', (end) => {
    const splitter = (): Splitter => new TextLineSplitter({ universal: true, maxLength: 3 });
    expect(linesOf([utf8(`abc${end}abcd${end}`)], splitter())).toEqual(['abc', 'overflow']);
    expect(linesOf(['ab', 'c', end, 'abc'].map(utf8), splitter())).toEqual(['abc', 'abc']);
    expect(linesOf(['ab', 'cd', 'e', end].map(utf8), splitter())).toEqual(['overflow']);
  });

  it('does not keep what has no end', () => {
    const splitter = new TextLineSplitter({ encoding: 'latin1', maxLength: 1000 });
    const push = (): void => splitter.push(new Uint8Array(600).fill(0x61), () => undefined);
    push();
    expect(push).toThrow('longer than 1000 characters');
  });
});

describe('lines in other encodings', () => {
  it.each<[string, string, string[]]>([
    ['latin1', '63 61 66 e9 0a 80', ['café', '€']],
    ['utf-16le', 'ff fe 61 00 0a 01 0d 00 0a 00 34 d8 1e dd', ['aĊ', '𝄞']],
    ['utf-16be', 'fe ff 00 61 00 0a 00 62', ['a', 'b']],
    ['shift_jis', '93 fa 96 7b 0a 61', ['日本', 'a']],
    ['utf-8', 'ef bb bf 61 0d 0a ff', ['\ufeffa', '\ufffd']],
  ])('reads %s, cut anywhere', (encoding, hex, lines) => {
    const bytes = Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));
    for (const size of [1, 2, 3, 100])
      expect(linesOf(chunked(bytes, size), new TextLineSplitter({ encoding }))).toEqual(lines);
  });

  it('is a config error for an encoding that there is none of, before the source is subscribed to', () => {
    const options: SplitLinesOptions = { encoding: 'klingon' };
    let isRead = false;
    let seen: unknown;
    const source$ = new Observable<Uint8Array>(() => {
      isRead = true;
    });
    source$.pipe(splitLines(options)).subscribe({ error: (error: unknown) => (seen = error) });
    expect([isRead, isSshError(seen, 'config') && seen.message]).toEqual([
      false,
      'no encoding is called "klingon"',
    ]);
  });
});
