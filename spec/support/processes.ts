/** Processes of this machine, for specs that start some. */
import { existsSync, readFileSync } from 'node:fs';

/** A process that has ended and whose parent has not asked for its status yet is gone, as far as we can see to it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !readFileSync(stat, 'latin1').includes(') Z');
}

/** Waits until a number that grows stands still, ten seconds at the most; resolves with where it does. */
export async function standstill(progress: () => number, what: string): Promise<number> {
  let last = -1;
  await until(() => {
    const isStill = last === progress() && last > 0;
    last = progress();
    return isStill;
  }, what);
  return last;
}

/** Waits, ten seconds at the most. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
