/** Bytes for large files that are made as they are read, and looked at as they are written. */
import { randomBytes } from 'node:crypto';
import { type Observable, of } from 'rxjs';
import type { SftpFile, SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import { statusError, StatusCode } from '../../src/sftp/status.ts';
import { MiB } from './memory.ts';

/** Bytes that repeat after a length that no block is a part of: what is lost, repeated or misplaced shows. */
const PERIOD = 8 * MiB + 13;
/** One period, which is how the pattern begins. */
export const period = randomBytes(PERIOD);

function fill(into: Uint8Array, position: number): void {
  for (let at = 0; at < into.length;) {
    const from = (position + at) % PERIOD;
    const part = period.subarray(from, from + into.length - at);
    into.set(part, at);
    at += part.length;
  }
}

/** Is that what the pattern has there? */
export function isPattern(bytes: Uint8Array, position: number): boolean {
  for (let at = 0; at < bytes.length;) {
    const from = (position + at) % PERIOD;
    const part = period.subarray(from, from + bytes.length - at);
    if (part.compare(bytes, at, at + part.length) !== 0) return false;
    at += part.length;
  }
  return true;
}

/** A server with a file of the pattern, which takes another one and looks at every byte. */
export class PatternServer implements SftpFileSystem {
  taken = 0;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  stat({ text }: { readonly text: string }): Observable<{ size: number; permissions: number }> {
    if (text !== '/big') throw statusError(StatusCode.NO_SUCH_FILE, 'stat');
    return of({ size: this.#size, permissions: 0o100600 });
  }

  open(): Observable<SftpFile> {
    const attributes = { size: this.#size, permissions: 0o100600 };
    return of({
      takesParallelWrites: true,
      read: (into: Uint8Array, position: number) => {
        const bytes = into.subarray(0, Math.max(0, this.#size - position));
        fill(bytes, position);
        return of(bytes.length);
      },
      write: (bytes: Uint8Array, position: number) => {
        if (!isPattern(bytes, position)) throw new Error(`not what is at ${String(position)}`);
        this.taken += bytes.length;
        return of(0);
      },
      stat: () => of(attributes),
      setstat: () => of(0),
      close: () => of(0),
    });
  }

  posixRename(): Observable<number> {
    return of(0);
  }
}
