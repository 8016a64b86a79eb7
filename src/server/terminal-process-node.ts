/** Processes on a terminal of their own, as sshd runs a shell for a session that has one. */
import { closeSync, constants as flags, openSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { ReadStream } from 'node:tty';
import { isSshError } from '../errors.ts';
import { type ForkedPty, forkPty, resizePty } from './native-pty-node.ts';
import type { ProcessCommand, ProcessFate, SessionProcess } from './session-process-node.ts';
import type { Pty } from './session-state.ts';
import { sttyOperands, VEOF } from '../messages/stty.ts';

const DEFAULT_EOF = 4;
const CHUNK = 64 * 1024;
/** What a terminal can still hold when its process is gone; more comes from somebody else. */
const MAX_LEFTOVER = 16 * CHUNK;
/** Settings first: the program is to find the terminal as the client has asked for it, and its name in a variable. */
const SETTINGS_THEN_PROGRAM =
  'test -z "$0" || stty $0 2>/dev/null; SSH_TTY=$(tty) && export SSH_TTY; exec "$@"';

/**
 * Starts a process on a new terminal, which is its controlling one.
 *
 * @returns `undefined` when it could not be started, which `failed` tells the reason of
 * @throws SshError `unsupported` for what no process can be given, and where there are no terminals
 */
export function spawnOnTerminal(
  { shell, command, cwd, env }: ProcessCommand,
  pty: Pty,
  fate: ProcessFate,
): SessionProcess | undefined {
  const settings = sttyOperands(pty.modes).join(' ');
  const program = [shell, ...(command === undefined ? ['-l'] : ['-c', command])];
  const request = {
    file: '/bin/sh',
    args: ['-c', SETTINGS_THEN_PROGRAM, settings, ...program],
    env: pty.term === '' ? env : { ...env, TERM: pty.term },
    cwd,
    size: pty,
  };
  try {
    const forked = forkPty(request, (status, signal) => {
      terminal.leaderEnded();
      fate.exited(signal === 0 ? { status } : { signal: signalName(signal) });
    });
    const terminal = new Terminal(forked);
    return terminal.process(pty.modes.get(VEOF) ?? DEFAULT_EOF);
  } catch (thrown) {
    if (isSshError(thrown)) throw thrown;
    // no terminal is left, or no process
    queueMicrotask(() => fate.failed(thrown));
    return undefined;
  }
}

/** Our side of a terminal as a stream that gives all that was written to it. */
class Terminal {
  readonly #forked: ForkedPty;
  readonly #stream: ReadStream;
  /**
   * The other side, held open by us too: when the last who holds it lets go, the terminal hangs up, and Node then ends a stream
   * whose terminal still has something to read.
   */
  readonly #otherSide: number | undefined;

  constructor(forked: ForkedPty) {
    this.#forked = forked;
    this.#stream = new ReadStream(forked.fd);
    this.#otherSide = openOrNot(forked.pty);
  }

  /** @param eof - the character that says the end of the input */
  process(eof: number): SessionProcess {
    const { fd, pid } = this.#forked;
    const stream = this.#stream;
    return {
      pid,
      stdin: stream,
      stdout: stream,
      stderr: undefined,
      endInput: () => stream.write(Uint8Array.of(eof)),
      resize: (size) => {
        if (!stream.destroyed) resizePty(fd, size);
      },
    };
  }

  /** Puts what it has written behind what was read already, and lets the terminal hang up when nobody else holds it. */
  leaderEnded(): void {
    try {
      for (let left = MAX_LEFTOVER; left > 0 && !this.#stream.destroyed; left -= CHUNK) {
        const chunk = new Uint8Array(CHUNK);
        this.#stream.push(chunk.subarray(0, readSync(this.#forked.fd, chunk)));
      }
    } catch {
      // EAGAIN: that was all
    }
    if (this.#otherSide !== undefined) closeSync(this.#otherSide);
  }
}

/** Out of file descriptors, a process that runs already goes on without what only makes sure of its last words. */
function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, flags.O_RDWR | flags.O_NOCTTY);
  } catch {
    return undefined;
  }
}

function signalName(number: number): string {
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return name?.slice(3) ?? String(number);
}
