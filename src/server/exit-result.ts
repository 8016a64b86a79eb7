/** How a handler says that its work has ended, and what the client is told of it (RFC 4254 §6.10). */
import { ignoreElements, endWith, type Observable, type OperatorFunction } from 'rxjs';
import type { Exit } from '../errors.ts';

/**
 * What a handler emits when its work has ended: an exit status (0 to 2³²−1; OpenSSH's client passes on the lowest 8 bits), or
 * the signal that ended it, by its name without `SIG`.
 */
export type ExitResult =
  | number
  | { readonly status: number }
  | {
      readonly signal: string;
      readonly coreDumped?: boolean;
      readonly errorMessage?: string;
    };

/** The status of a handler that has failed: what `ssh` itself exits with when something other than the command failed. */
export const FAILED_STATUS = 255;

const MAX_STATUS = 0xffff_ffff;
const SIGNAL_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const MAX_ERROR_MESSAGE = 1024;

/** What an emitted value stands for; `undefined` when it is no `ExitResult`. */
export function exitOf(value: unknown): Exit | undefined {
  if (typeof value === 'number') return statusOf(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = value as Readonly<Record<string, unknown>>;
  const { status, signal, coreDumped = false, errorMessage = '' } = fields;
  if (signal === undefined) return statusOf(status);
  if (status !== undefined || typeof signal !== 'string' || !SIGNAL_NAME.test(signal))
    return undefined;
  if (typeof coreDumped !== 'boolean' || typeof errorMessage !== 'string') return undefined;
  return {
    kind: 'signal',
    signal,
    coreDumped,
    errorMessage: errorMessage.slice(0, MAX_ERROR_MESSAGE),
  };
}

function statusOf(status: unknown): Exit | undefined {
  if (typeof status !== 'number' || !Number.isInteger(status)) return undefined;
  return status >= 0 && status <= MAX_STATUS ? { kind: 'status', status } : undefined;
}

/**
 * Passes nothing of its source on, and emits an exit when the source completes: for handlers whose work is a pump. (The
 * numbers that a pump emits are bytes; a handler that returned them would exit with them.)
 *
 * @param result - the exit; status 0 unless said otherwise
 * @example
 * ```ts
 * exec: (session, command) => session.stdout.pump(`you said ${command}\n`).pipe(exitWith(0))
 * ```
 */
export function exitWith(result: ExitResult = 0): OperatorFunction<unknown, ExitResult> {
  return (source): Observable<ExitResult> => source.pipe(ignoreElements(), endWith(result));
}
