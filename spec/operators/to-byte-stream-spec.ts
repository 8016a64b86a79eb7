import { describe, expect, it } from '@jest/globals';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { lastValueFrom, type Observable, of, Subject, throwError, toArray } from 'rxjs';
import { deliver, holdCredit, type Release } from '../../src/operators/credit.ts';
import { fromInput } from '../../src/operators/from-input.ts';
import { type ByteInput, toByteStream } from '../../src/operators/to-byte-stream.ts';
import { comparable, marbles, ofKind, utf8 } from '../support/marbles.ts';

const ab = [utf8('a'), utf8('b')];

const inputs: [string, () => ByteInput, readonly Uint8Array[]][] = [
  ['bytes, as one chunk', () => utf8('abc'), [utf8('abc')]],
  ['a Buffer, as one chunk', () => Buffer.from('abc'), [utf8('abc')]],
  ['a string, as one chunk of UTF-8', () => 'a€', [utf8('a€')]],
  ['an empty string', () => '', [utf8('')]],
  ['an Observable', () => of(utf8('a'), 'b'), ab],
  ['an array', () => ['a', utf8('b')], ab],
  ['a generator', () => new Set(['a', 'b']).values(), ab],
  [
    'an async generator',
    () =>
      (async function* () {
        yield* ['a', 'b'];
      })(),
    ab,
  ],
  ['a promise', () => Promise.resolve('abc'), [utf8('abc')]],
  ['something like an array', () => ({ length: 2, 0: 'a', 1: 'b' }), ab],
  ['a web stream', () => new Blob(['abc']).stream() as ReadableStream<Uint8Array>, [utf8('abc')]],
  ['a Node stream', () => Readable.from(['a', 'b']) as AsyncIterable<string>, ab],
  ['an Observable of another library', () => interop(of('a', 'b')), ab],
];

/** Nothing of an Observable but the method of the proposal. */
function interop(source: Observable<string>): ByteInput {
  // rxjs asks for the symbol by this name where the platform has none
  const key = (Symbol as { observable?: symbol }).observable ?? '@@observable';
  return { [key]: () => source } as unknown as ByteInput;
}

describe('toByteStream', () => {
  it.each(inputs)('takes %s', async (_name, input, expected) => {
    const chunks = await lastValueFrom(toByteStream(input()).pipe(toArray()));
    expect(comparable(chunks)).toEqual(comparable(expected));
  });

  it('passes on empty, never and error', () => {
    marbles(({ cold, expectObservable }) => {
      expectObservable(toByteStream(cold('--|'))).toBe('--|');
      expectObservable(toByteStream(cold('---'))).toBe('---');
      expectObservable(toByteStream(cold('--#'))).toBe('--#');
      expectObservable(toByteStream(throwError(() => new Error('x')))).toBe(
        '#',
        undefined,
        new Error('x'),
      );
    });
  });

  it.each([[5], [null], [{}], [[1, 2]]])('refuses a chunk that is %j', (chunk) => {
    marbles(({ expectObservable }) => {
      const input = of('a', chunk) as unknown as ByteInput;
      expectObservable(toByteStream(input)).toBe('(a#)', { a: utf8('a') }, ofKind('config'));
    });
  });

  it.each<unknown>([5, null, undefined, {}, true])('errors with config for %j', (input) => {
    marbles(({ expectObservable }) => {
      const stream$ = toByteStream(input as ByteInput);
      expectObservable(stream$).toBe('#', undefined, ofKind('config'));
    });
  });

  it('tells whoever comes later that a file cannot be opened', async () => {
    const file = createReadStream('/there/is/no/such/file');
    const stream$ = toByteStream(file);
    await new Promise<void>((resolve) => file.once('close', resolve));
    await expect(lastValueFrom(stream$)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tells whoever comes later that a promise was rejected', async () => {
    const stream$ = toByteStream(Promise.reject(new Error('no bytes')));
    await setImmediate();
    await expect(lastValueFrom(stream$)).rejects.toThrow('no bytes');
  });

  it('keeps the credit of an Observable', () => {
    const source$ = new Subject<string>();
    const releases: Release[] = [];
    let acknowledged = 0;
    toByteStream(source$).subscribe(() => releases.push(holdCredit()));
    deliver(source$, 'a', () => acknowledged++);
    expect(acknowledged).toBe(0);
    releases[0]?.();
    expect(acknowledged).toBe(1);
  });
});

describe('fromInput', () => {
  it.each([[5], [null], [undefined], [{}], [true]])('leaves it to rxjs to refuse %j', (input) => {
    expect(() => fromInput(input as string)).toThrow(/where a stream was expected/);
  });
});
