/** A program on a terminal, and somebody who reads it and types: by the package's own means, not by ours. */
import { spawn } from '@lydell/node-pty';

/** What is on the screen, and who is at the keys. */
export interface OnTerminal {
  readonly pid: number;
  /** All that was shown so far. */
  text(): string;
  /** Resolves with what a pattern finds in what was shown since the last one was found; rejects after 10 s, or at the end. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** How it has ended. */
  readonly exited: Promise<{ readonly status: number; readonly signal: number }>;
  /** Ends it, if it has not. */
  stop(): void;
}

const DEADLINE_MS = 10_000;

/** Starts a program on a terminal of 80 by 24. */
export function onTerminal(
  commandLine: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): OnTerminal {
  const [program = '', ...args] = commandLine;
  const terminal = spawn(program, args, { name: 'xterm', cols: 80, rows: 24, env });
  let text = '';
  let seen = 0;
  let isOver = false;
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const each of waiting) each();
  };
  terminal.onData((more) => {
    text += more;
    look();
  });
  const exited = new Promise<{ status: number; signal: number }>((resolve) => {
    terminal.onExit(({ exitCode, signal = 0 }) => {
      isOver = true;
      look();
      resolve({ status: exitCode, signal });
    });
  });
  const shows = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        waiting.delete(attempt);
        clearTimeout(deadline);
        action();
      };
      const fail = (why: string): void =>
        settle(() =>
          reject(new Error(`${why} ${String(pattern)}: ${JSON.stringify(text.slice(seen))}`)),
        );
      const attempt = (): void => {
        const found = pattern.exec(text.slice(seen));
        if (found !== null) {
          seen += found.index + found[0].length;
          settle(() => resolve(found));
        } else if (isOver) fail('ended without');
      };
      const deadline = setTimeout(() => fail('no'), DEADLINE_MS);
      waiting.add(attempt);
      attempt();
    });
  return {
    ...{ pid: terminal.pid, exited, shows, text: () => text },
    type: (typed) => terminal.write(typed),
    resize: (columns, rows) => terminal.resize(columns, rows),
    stop: () => {
      if (!isOver) terminal.kill('SIGKILL');
    },
  };
}
