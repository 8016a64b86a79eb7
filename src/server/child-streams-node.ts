/** The pipes of a child process at the pace of whoever reads them, both ways. */
import type { Readable, Writable } from 'node:stream';
import { Observable, type Subscription } from 'rxjs';
import { deliver, holdCredit } from '../operators/credit.ts';
import type { ByteStream } from '../streams/byte-duplex.ts';
import { giveBack } from '../wire/give-back-node.ts';

/** What pipes can still hold when the process that has filled them is gone; more comes from somebody else. */
const MAX_LEFTOVER = 1024 * 1024;

/**
 * What the child writes. The pipe is not read on while a chunk is held, so the child waits when it is full. Completes at the
 * pipe's end, and 1 MiB after `leftover` was called; a pipe that breaks has ended. Unsubscribing closes the pipe: a child
 * that writes on gets SIGPIPE, or an error that is as good.
 */
export function outputOf(pipe: Readable): { readonly bytes$: ByteStream; leftover(): void } {
  let left = Number.POSITIVE_INFINITY;
  const bytes$: ByteStream = new Observable((out) => {
    let held = 0;
    const acknowledge = (): void => {
      held--;
      if (held === 0) pipe.resume();
    };
    const receive = (chunk: Uint8Array): void => {
      held++;
      left -= chunk.length;
      // who keeps it copies it: memory that is freed at once is used again while it is in the cache
      deliver(out, chunk, acknowledge, true);
      giveBack(chunk);
      if (held > 0) pipe.pause();
      if (left < 0) out.complete();
    };
    const ended = (): void => out.complete();
    pipe.on('error', ended).on('end', ended).on('close', ended);
    // last: it sets the pipe going
    pipe.on('data', receive);
    return () => pipe.off('data', receive).destroy();
  });
  return { bytes$, leftover: () => (left = MAX_LEFTOVER) };
}

/**
 * Writes to the child; a chunk is held until the pipe has taken it. The source's end calls `end`. A child that has closed
 * its side is written to no more: the rest is dropped, as a shell's pipeline does.
 */
export function feed(pipe: Writable, bytes$: ByteStream, end: () => void): Subscription {
  const subscription = bytes$.subscribe({
    next: (chunk) => {
      const release = holdCredit();
      pipe.write(chunk, () => release());
    },
    // half of what was meant must not look whole: the session is over, and the child is told so before its pipe closes
    error: nothing,
    complete: end,
  });
  const stop = (): void => subscription.unsubscribe();
  pipe.on('error', stop).on('close', stop);
  subscription.add(() => pipe.off('close', stop));
  return subscription;
}

function nothing(): void {
  // what ends the session ends the child
}
