/** How much memory is in use, once what nobody holds is gone. */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

export const MiB = 1024 * 1024;

/** Bytes on the heap and beside it, behind a full collection. */
export async function memoryInUse(): Promise<number> {
  // finalizers run between turns, and what they let go is collected after them
  for (let round = 0; round < 3; round++) {
    collect();
    await turn();
  }
  return used();
}

/**
 * Bytes on the heap and beside it now, in the middle of work; behind a collection when they seem to be more than `limit`. How much
 * garbage is left to lie about depends on all that the process has done before.
 */
export function memoryAtWork(limit: number): number {
  if (used() > limit) collect();
  return used();
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
