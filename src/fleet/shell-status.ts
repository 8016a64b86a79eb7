/** The end of a command as one number. */
import type { Exit } from '../errors.ts';

/** POSIX names with the numbers that Linux gives them. */
const SIGNALS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
};

/** What stands for a command of which no status is known: what `ssh` exits with then. */
export const NO_STATUS = 255;

/**
 * The exit as a shell's `$?` has it: the lowest 8 bits of a status, 128 and the signal's number for a signal, 255 for a signal
 * that has no number, and when no status came.
 *
 * @example `shellStatus({ kind: 'signal', signal: 'TERM', … })` is 143
 */
export function shellStatus(exit: Exit): number {
  switch (exit.kind) {
    case 'status':
      return exit.status & 0xff;
    case 'signal': {
      const number = Object.hasOwn(SIGNALS, exit.signal) ? SIGNALS[exit.signal] : undefined;
      return number === undefined ? NO_STATUS : 128 + number;
    }
    case 'missing':
      return NO_STATUS;
  }
}
