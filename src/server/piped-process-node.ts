/** Processes on three pipes, as sshd runs a command for a session without a terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import type { Stream } from 'node:stream';
import type { ProcessCommand, ProcessFate, SessionProcess } from './session-process-node.ts';

/** What a shell says when a command cannot be run. */
export const CANNOT_RUN = 127;

/** @returns `undefined` when it could not be started, which `failed` tells the reason of */
export function spawnPiped(
  { shell, command, cwd, env }: ProcessCommand,
  fate: ProcessFate,
): SessionProcess | undefined {
  const child = spawn(shell, command === undefined ? [] : ['-c', command], {
    // a dash in front of its name tells a shell that it is a login shell
    argv0: command === undefined ? `-${basename(shell)}` : shell,
    cwd,
    env,
    detached: true,
    stdio: 'pipe',
  });
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) {
    child.once('error', (error) => fate.failed(error));
    ignoreErrors(child);
    return undefined;
  }
  // whatever else goes wrong with it, its exit tells
  child.on('error', nothing);
  child.once('exit', (status, signal) =>
    fate.exited(signal === null ? { status: status ?? CANNOT_RUN } : { signal: signal.slice(3) }),
  );
  return {
    pid,
    stdin,
    stdout,
    stderr,
    endInput: () => stdin.end(),
  };
}

/** A process that was not started can have pipes all the same. */
function ignoreErrors({ stdin, stdout, stderr }: ChildProcess): void {
  // Node leaves them undefined when it is out of file descriptors
  const pipes: readonly (Stream | null | undefined)[] = [stdin, stdout, stderr];
  for (const pipe of pipes) pipe?.on('error', nothing);
}

function nothing(): void {
  // told by the end of the process
}
