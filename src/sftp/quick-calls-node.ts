/**
 * Small calls of the system, made at once. To wake another thread for a call and to hear of it costs fifty microseconds, and to
 * rename a file, or to write a few KiB, takes five. A disk that is slow (one that has to spin up) is left to the
 * other threads for a while, so that waiting for it takes no more than a twentieth of the time; so is what may take long on any
 * disk, as it does to let a large file go, and all that is on a network's, which may hang.
 */
import { toError } from '../errors.ts';

/** What a system call tells when it is done; a value only without an error. */
export type Told<T> = (error: Error | null, value: T) => void;

/** Bytes that are read and written at once. */
export const QUICK_BYTES = 16 * 1024;
/** Milliseconds that a call may take; what some take longer, others make good. */
const QUICK = 0.25;
/** Milliseconds that calls may have taken longer, all together: a busy machine is no slow disk. */
const MOST_OVERTIME = 25;
/** A slow disk is left alone for so many times what it took too long. */
const REST = 20;

let overtime = 0;
let restsUntil = 0;

/**
 * Makes a call of the system, and tells what comes of it, perhaps before it returns.
 *
 * @param call - makes it at once; what it throws is told
 * @param elsewhere - has another thread make the same call
 * @param isQuick - `false` for what may take long
 */
export function quickly<T>(
  call: () => T,
  elsewhere: (told: Told<T>) => void,
  told: Told<T>,
  isQuick = true,
): void {
  const began = performance.now();
  if (!isQuick || began < restsUntil) {
    elsewhere(told);
    return;
  }
  const [error, value] = attempt(call);
  took(began, performance.now());
  told(error, value);
}

function attempt<T>(call: () => T): readonly [error: Error | null, value: T] {
  try {
    return [null, call()];
  } catch (thrown) {
    return [toError(thrown), undefined as T];
  }
}

function took(began: number, now: number): void {
  overtime = Math.max(0, overtime + now - began - QUICK);
  if (overtime <= MOST_OVERTIME) return;
  restsUntil = now + REST * overtime;
  overtime = 0;
}
