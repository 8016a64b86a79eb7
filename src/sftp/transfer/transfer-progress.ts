/** What is told of a file while it is transferred. */
import { Observable } from 'rxjs';
import { outsideDelivery } from '../../operators/credit.ts';
import { type FileProgress, type FileTransfer, transferFile } from './transfer-file.ts';
import type { TransferOptions, TransferProgress } from './transfer-options.ts';
import { steadyScheduler } from '../../operators/steady-scheduler.ts';

/** A file that is told of. */
export interface ToldFile extends FileTransfer {
  /** What it is called in events. */
  readonly file: string;
}

const DEFAULT_INTERVAL = 100;
const SECOND = 1000;

type Details = Pick<TransferProgress, 'bytes'> &
  Partial<Pick<TransferProgress, 'rate' | 'resumed' | 'reason' | 'error'>>;

/** An event of a file. */
export function told(
  { file, source, target, attributes }: ToldFile,
  state: TransferProgress['state'],
  details: Details,
): TransferProgress {
  return { state, file, source, target, total: attributes.size, rate: 0, resumed: 0, ...details };
}

/** Transfers a file and tells how far it is: at its beginning, at its end, and in between when enough time has passed. */
export function progressOf(
  subject: ToldFile,
  options: TransferOptions,
): Observable<TransferProgress> {
  const { scheduler = steadyScheduler, progressInterval = DEFAULT_INTERVAL } = options;
  return new Observable((out) => {
    const startedAt = scheduler.now();
    let toldAt = startedAt;
    let last: FileProgress = { bytes: 0, resumed: 0 };
    const tell = (state: TransferProgress['state']): void => {
      toldAt = scheduler.now();
      const { bytes, resumed } = last;
      const seconds = Math.max(1, toldAt - startedAt) / SECOND;
      const event = told(subject, state, { bytes, resumed, rate: (bytes - resumed) / seconds });
      // it carries no credit of the bytes
      outsideDelivery(() => out.next(event));
    };
    tell('started');
    if (out.closed) return;
    out.add(
      transferFile(subject, options).subscribe({
        next: (progress) => {
          last = progress;
          if (scheduler.now() - toldAt >= progressInterval) tell('running');
        },
        error: (error: unknown) => {
          // how far it came
          if (last.bytes > 0) tell('running');
          out.error(error);
        },
        complete: () => {
          tell('done');
          out.complete();
        },
      }),
    );
  });
}
