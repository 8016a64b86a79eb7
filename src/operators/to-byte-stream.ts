/** Whatever users have for bytes, as a byte stream with credit. */
import { from, isObservable, type Observable, type ObservableInput } from 'rxjs';
import { SshError } from '../errors.ts';
import { fromPull, type Pullable } from './from-pull.ts';
import { lift } from './lift.ts';

/** Bytes or text (UTF-8) as one chunk, or any source of such chunks. */
export type ByteInput = Uint8Array | string | ObservableInput<Uint8Array | string>;

type Chunk = Uint8Array | string;

/**
 * Makes a byte stream of anything that gives bytes or text.
 *
 * 1. A `Uint8Array` and a string are one chunk; a string becomes UTF-8, each chunk by itself.
 * 2. Observables are passed through, with whatever credit their values have.
 * 3. Promises, iterables, async iterables, web and Node streams are asked for one chunk at a time, the next when the credit
 *    of the one before has returned (see `fromPull`).
 * 4. A chunk that is neither bytes nor text errors with `config`.
 */
export function toByteStream(input: ByteInput): Observable<Uint8Array> {
  return chunksOf(input).pipe(toBytes());
}

function chunksOf(input: ByteInput): Observable<Chunk> {
  if (typeof input === 'string' || input instanceof Uint8Array) return fromPull([input]);
  if (isObservable(input)) return input;
  if (isPullable(input)) return fromPull(input);
  if ('then' in input) return fromPull(resolved(input));
  if ('length' in input) return fromPull(Array.from(input));
  // another library's Observable; what is nothing of all this, `from` refuses
  return from(input);
}

function isPullable(input: object): input is Pullable<Chunk> {
  return Symbol.asyncIterator in input || Symbol.iterator in input || 'getReader' in input;
}

async function* resolved<T>(promise: PromiseLike<T>): AsyncGenerator<T, void> {
  yield await promise;
}

const encoder = new TextEncoder();

function toBytes(): (source: Observable<Chunk>) => Observable<Uint8Array> {
  return lift((out) => ({
    next(chunk: unknown): void {
      if (chunk instanceof Uint8Array) out.next(chunk);
      else if (typeof chunk === 'string') out.next(encoder.encode(chunk));
      else throw notBytes(chunk);
    },
  }));
}

function notBytes(chunk: unknown): SshError<'config'> {
  const what = chunk === null ? 'null' : typeof chunk;
  return new SshError('config', `a byte stream takes Uint8Array and string, not ${what}`, {});
}
