/** A byte duplex as a Node stream: for libraries that want to speak over a channel. */
import { Duplex } from 'node:stream';
import { Subscription } from 'rxjs';
import { toError } from '../errors.ts';
import { holdCredit, keep, type Release } from '../operators/credit.ts';
import { plainBytes } from '../wire/bytes.ts';
import type { ByteDuplex } from './byte-duplex.ts';
import { lossOf } from './ending.ts';

/**
 * Makes a Node `Duplex` of a byte duplex.
 *
 * 1. Reads when it is read, and holds a chunk's credit while its own buffer is full.
 * 2. A write calls back when the duplex is done with it; `end` ends our side, the other may still send.
 * 3. `destroy` destroys the duplex, with its error if there is one; an error of the duplex destroys the stream with it.
 *
 * @example
 * ```ts
 * http.request({ createConnection: () => toNodeDuplex(channel) });
 * ```
 */
export function toNodeDuplex(duplex: ByteDuplex): Duplex {
  const reading = new Subscription();
  let isReading = false;
  let held: Release[] = [];
  const release = (): void => {
    const releases = held;
    held = [];
    for (const each of releases) each();
  };
  const startReading = (): void => {
    isReading = true;
    reading.add(
      duplex.readable$.subscribe({
        next: (chunk) => {
          if (!stream.push(keep(chunk))) held.push(holdCredit());
        },
        error: (error: unknown) => stream.destroy(toError(error)),
        complete: () => stream.push(null),
      }),
    );
  };
  const stream = new Duplex({
    read: () => {
      release();
      if (!isReading) startReading();
    },
    write: (chunk: Uint8Array, _encoding, callback) =>
      duplex.write(plainBytes(chunk), () => callback()),
    final: (callback) => {
      duplex.end();
      callback();
    },
    destroy: (error, callback) => {
      reading.unsubscribe();
      release();
      duplex.destroy(error === null ? undefined : lossOf(error));
      callback(error);
    },
  });
  return stream;
}
