/** copy-data (draft-ietf-secsh-filexfer-extensions-00 §7): from one open file to another, without the bytes leaving the server. */
import { firstValueFrom, lastValueFrom, Observable } from 'rxjs';
import type { SftpFile } from './file-system.ts';
import { LARGEST_DATA } from '../packets.ts';
import { done, first } from './server-answers.ts';

/** A part of a file. */
export interface FileRange {
  readonly file: SftpFile;
  /** In bytes, from the beginning. */
  readonly position: number;
}

/**
 * Copies, one piece after the other. Completes when it is done, also when the source was shorter. Unsubscribing stops it
 * behind the piece that is under way.
 *
 * @param length - in bytes; 0 is all that there is when it begins: a file that grows by its own copy would have no end
 */
export function copyData(from: FileRange, length: number, to: FileRange): Observable<never> {
  return new Observable((subscriber) => {
    const copy = async (): Promise<void> => {
      const end = length === 0 ? await restOf(from) : length;
      const buffer = new Uint8Array(Math.min(end, LARGEST_DATA));
      for (let copied = 0; copied < end && !subscriber.closed;) {
        const piece = buffer.subarray(0, end - copied);
        const read = await firstValueFrom(
          first(() => from.file.read(piece, from.position + copied)),
        );
        if (read === 0) return;
        await lastValueFrom(
          done(() => to.file.write(piece.subarray(0, read), to.position + copied)),
        );
        copied += read;
      }
    };
    copy().then(
      () => subscriber.complete(),
      (error: unknown) => subscriber.error(error),
    );
  });
}

async function restOf({ file, position }: FileRange): Promise<number> {
  const { size = 0 } = await firstValueFrom(first(() => file.stat()));
  return Math.max(0, size - position);
}
