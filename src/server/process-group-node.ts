/** Ends a child process and all that it has started: its process group. */
import type { ChildProcess } from 'node:child_process';

/** Sends a signal to the group that the process leads; `false` when nobody of it is left. Signal 0 only asks. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  const { pid } = child;
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/**
 * Asks the group to end (TERM), and kills what is left of it later.
 *
 * @param grace - milliseconds between the two
 */
export function endGroup(child: ChildProcess, grace: number): void {
  if (!signalGroup(child, 'SIGTERM')) return;
  // a stopped process hears TERM only when it goes on
  signalGroup(child, 'SIGCONT');
  // not unreferenced: a process that ends now must not leave behind what it has promised to kill
  const deadline = setTimeout(() => signalGroup(child, 'SIGKILL'), grace);
  child.once('exit', () => {
    // a number that nobody uses can become another group's
    if (!signalGroup(child, 0)) clearTimeout(deadline);
  });
}
