/** A terminal that leaves every key and every byte to the program, and how it becomes again what it was. */
import { spawnSync } from 'node:child_process';
import { Observable } from 'rxjs';
import type { CliIo } from './io.ts';

/** Raw mode, while it lasts. */
export interface RawMode {
  /** Stops this process, as its user would with Ctrl-Z; the terminal is as it was until somebody lets the process go on. */
  suspend(): void;
}

/**
 * Runs work while the terminal is in raw mode. It is restored before the end, or the error, of the work is passed on, so that what is
 * told then looks as it should, and when the work is unsubscribed; stdin is closed behind it. The work must not close it: a closed
 * one cannot be restored.
 */
export function inRawMode<T>(
  stdin: CliIo['stdin'],
  work: (mode: RawMode) => Observable<T>,
): Observable<T> {
  return new Observable((out) => {
    let isRaw = false;
    const set = (wanted: boolean): void => {
      if (isRaw === wanted) return;
      isRaw = wanted;
      stdin.setRawMode?.(wanted);
      if (wanted) leaveOutputAlone();
    };
    const restore = (): void => set(false);
    const suspend = (): void => {
      restore();
      process.kill(process.pid, 'SIGTSTP');
      // from here on it goes on, perhaps on a window of another size, which nobody has told to a process in the background
      set(true);
      process.kill(process.pid, 'SIGWINCH');
    };
    out.add(() => {
      restore();
      stdin.destroy();
    });
    set(true);
    out.add(
      work({ suspend }).subscribe({
        next: (value) => out.next(value),
        error: (error: unknown) => {
          restore();
          out.error(error);
        },
        complete: () => {
          restore();
          out.complete();
        },
      }),
    );
  });
}

/**
 * Node's raw mode still puts a return in front of each line feed, which moves the cursor where a program on the other side has not.
 * Without `stty` it stays so.
 */
function leaveOutputAlone(): void {
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
}
