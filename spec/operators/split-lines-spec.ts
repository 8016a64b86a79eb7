import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { from, take } from 'rxjs';
import { LineSplitter } from '../../src/operators/line-splitter.ts';
import { splitLines } from '../../src/operators/split-lines.ts';
import { linesOf as linesOfSplitter } from '../support/lines.ts';
import { chunked, marbles, ofKind, utf8 } from '../support/marbles.ts';

function linesOf(chunks: readonly Uint8Array[], maxLength?: number): string[] {
  return linesOfSplitter(chunks, new LineSplitter(maxLength));
}

describe('splitLines', () => {
  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold<Uint8Array>('--|').pipe(splitLines())).toBe('--|');
      expectObservable(cold<Uint8Array>('---').pipe(splitLines())).toBe('---');
      expectObservable(cold<Uint8Array>('--#').pipe(splitLines())).toBe('--#');
    });
  });

  it('emits lines as they are complete, the last one at completion', () => {
    marbles(({ cold, expectObservable }) => {
      const chunks = { a: utf8('one\ntwo\r\nth'), b: utf8('ree'), c: utf8('\n\nfour') };
      expectObservable(cold('a---b-c---|', chunks).pipe(splitLines())).toBe('(pq)--(rs)(t|)', {
        p: 'one',
        q: 'two',
        r: 'three',
        s: '',
        t: 'four',
      });
    });
  });

  it('drops an unfinished line before an error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(cold('a#', { a: utf8('x\nrm -rf /') }).pipe(splitLines())).toBe('x#');
    });
  });

  it('errors for a line that is too long, behind the lines before it', () => {
    marbles(({ cold, expectObservable }) => {
      const source = cold('a---|', { a: utf8('ok\ntoolong\nok\n') });
      expectObservable(source.pipe(splitLines({ maxLength: 4 }))).toBe(
        '(o#)',
        { o: 'ok' },
        ofKind('overflow'),
      );
      const endless = cold('a-a-a-', { a: utf8('xy') });
      expectObservable(endless.pipe(splitLines({ maxLength: 5 }))).toBe(
        '----#',
        undefined,
        ofKind('overflow'),
      );
    });
  });

  it('stops in the middle of a chunk when nobody listens any more', () => {
    const seen: string[] = [];
    from([utf8('a\nb\nc\nd\n')])
      .pipe(splitLines(), take(2))
      .subscribe((line) => seen.push(line));
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('LineSplitter', () => {
  it.each([
    ['', []],
    ['\n', ['']],
    ['\r\n', ['']],
    ['\n\n', ['', '']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\r\n', ['a']],
    ['a\r', ['a\r']],
    ['a\rb\n', ['a\rb']],
    ['a\r\r\n', ['a\r']],
    ['a\n\rb', ['a', '\rb']],
    ['\ufeffa\n\ufeffb\n', ['\ufeffa', '\ufeffb']],
    ['ä€😀\nß', ['ä€😀', 'ß']],
  ])('splits %j, however it is cut', (text, expected) => {
    const bytes = utf8(text);
    for (let size = 1; size <= Math.max(1, bytes.length); size++) {
      expect(linesOf(chunked(bytes, size))).toEqual(expected);
    }
  });

  it('replaces malformed UTF-8', () => {
    expect(linesOf([Uint8Array.of(0x61, 0xff, 0x0a, 0xc3), Uint8Array.of(0x0a)])).toEqual([
      'a\ufffd',
      '\ufffd',
    ]);
  });

  it('does not keep the chunk', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter();
    const chunk = utf8('kept');
    splitter.push(chunk, (line) => lines.push(line));
    chunk.fill(0);
    splitter.end((line) => lines.push(line));
    expect(lines).toEqual(['kept']);
  });

  it.each([
    ['1234\n', ['1234']],
    ['1234\r\n', ['1234']],
    ['1234', ['1234']],
    ['12345\n', ['overflow']],
    ['12345\r\n', ['overflow']],
    ['12345', ['overflow']],
    ['1234\r', ['overflow']],
    ['1234\rx\n', ['overflow']],
    ['a\n12345\n', ['a', 'overflow']],
    ['1234\n1234\r\n12', ['1234', '1234', '12']],
    ['€\n', ['€']],
    ['€€\n', ['overflow']],
  ])('accepts 4 bytes a line of %j, however it is cut', (text, expected) => {
    const bytes = utf8(text);
    for (let size = 1; size <= bytes.length; size++) {
      expect(linesOf(chunked(bytes, size), 4)).toEqual(expected);
    }
  });

  it('gives the same lines whatever the chunking', () => {
    const letters = fc.constantFrom('a', '\r', '\n', '\r\n', '€', '😀', '\ufffd', 'word');
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (parts, sizes) => {
          const bytes = utf8(parts.join(''));
          const chunks: Uint8Array[] = [];
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const size = sizes[i % sizes.length] ?? 1;
            chunks.push(bytes.slice(at, at + size));
            at += size;
          }
          const expected = parts.join('').split('\n');
          if (expected.at(-1) === '') expected.pop();
          const last = parts.join('').endsWith('\n') ? expected.length : expected.length - 1;
          expect(linesOf(chunks)).toEqual(
            expected.map((line, i) => (i < last ? line.replace(/\r$/, '') : line)),
          );
          const limited = linesOf(chunks, 6);
          expect(limited).toEqual(linesOf([bytes], 6));
        },
      ),
    );
  });

  it('takes a line of a MiB in single bytes, and no more', () => {
    const splitter = new LineSplitter();
    const byte = Uint8Array.of(0x78);
    const never = (): void => {
      throw new Error('no line is complete');
    };
    for (let i = 0; i < 1024 * 1024; i++) splitter.push(byte, never);
    expect(() => splitter.push(byte, never)).toThrow(
      expect.objectContaining({
        kind: 'overflow',
        detail: { what: 'bytes of one line', limit: 1024 * 1024 },
      }),
    );
  });
});
