/** Whatever users have for bytes, as a byte stream with credit. */
import { type Observable, type ObservableInput, type OperatorFunction, throwError } from 'rxjs';
import { SshError } from '../errors.ts';
import { weigh } from '../wire/ballast.ts';
import { plainBytes } from '../wire/bytes.ts';
import { fromInput, isObject } from './from-input.ts';
import { fromPull } from './from-pull.ts';
import { lift } from './lift.ts';

/** Bytes or text (UTF-8) as one chunk, or any source of such chunks. */
export type ByteInput = Uint8Array | string | ObservableInput<Uint8Array | string>;

/**
 * Makes a byte stream of anything that gives bytes or text.
 *
 * 1. A `Uint8Array` and a string are one chunk; a string becomes UTF-8, each chunk by itself; a `Buffer` comes out as a
 *    plain `Uint8Array` of the same memory.
 * 2. Observables are passed through, with whatever credit their values have.
 * 3. Iterables, async iterables, web and Node streams are asked for one chunk at a time, the next when the credit of the one
 *    before has returned (see `fromPull`); a promise is one chunk.
 * 4. What is no source, and a chunk that is neither bytes nor text, error with `config`.
 * 5. A Node stream that breaks, or a promise that is rejected, before anybody subscribes is an error of the stream: call this as
 *    soon as the input is there.
 *
 * @example
 * ```ts
 * toByteStream('select 1;\n');
 * toByteStream(createReadStream('dump.sql'));
 * ```
 */
export function toByteStream(input: ByteInput): Observable<Uint8Array> {
  return chunksOf(input).pipe(toBytes(isReadable(input)));
}

function chunksOf(input: ByteInput): Observable<Uint8Array | string> {
  if (typeof input === 'string' || input instanceof Uint8Array) return fromPull([input]);
  try {
    return fromInput(input);
  } catch {
    return throwError(() => notBytes(input));
  }
}

const encoder = new TextEncoder();

/** Node and web streams make a chunk for whoever asks: nobody else wants it afterwards. */
function isReadable(input: unknown): boolean {
  return isObject(input) && Symbol.asyncIterator in input;
}

function toBytes(isFresh: boolean): OperatorFunction<Uint8Array | string, Uint8Array> {
  return lift((out) => ({
    next(chunk: unknown): void {
      if (chunk instanceof Uint8Array) {
        if (isFresh) weigh(chunk);
        out.next(plainBytes(chunk));
      } else if (typeof chunk === 'string') out.next(encoder.encode(chunk));
      else throw notBytes(chunk);
    },
  }));
}

function notBytes(input: unknown): SshError<'config'> {
  const what = input === null ? 'null' : typeof input;
  return new SshError('config', `a byte stream takes Uint8Array and string, not ${what}`, {});
}
