/** Notices at the pace of the server that they are passed on to. */
import { type MonoTypeOperatorFunction, Observable } from 'rxjs';

/** Where notices go. */
export interface Paces {
  /** Does it read what is sent? */
  readonly isWritable: boolean;
  /** Calls back once when it does again. */
  whenWritable(resume: () => void): void;
}

/**
 * Hands on what comes while the peer reads. Until it does, the last few wait, and those before them are left out: a connection that
 * others share must not end because one client says more than the peer takes.
 *
 * @param most - how many wait at the most
 */
export function paced<T>(peer: Paces, most: number): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((out) => {
      let waiting: readonly T[] = [];
      const flush = (): void => {
        const due = waiting;
        waiting = [];
        for (const value of due) out.next(value);
      };
      out.add(() => (waiting = []));
      return source.subscribe({
        next: (value) => {
          const isFirst = waiting.length === 0;
          waiting = [...waiting, value].slice(-most);
          if (peer.isWritable) flush();
          else if (isFirst) peer.whenWritable(flush);
        },
        error: (error: unknown) => out.error(error),
        complete: () => out.complete(),
      });
    });
}
