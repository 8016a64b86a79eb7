/** What happens on connections, in a file. */
import { appendFileSync } from 'node:fs';
import { SshError, toError } from '../errors.ts';
import type { DuplexPeer } from '../streams/byte-duplex.ts';
import type { TraceEvent } from '../streams/trace.ts';
import { traceLevel, traceText, type TraceTextOptions } from '../streams/trace-text.ts';

/** What is written. */
export interface LogFileOptions extends TraceTextOptions {
  /**
   * 1 is what was agreed on, who was logged in and how it ended, 2 what happens on the way there, and channels, 3 every packet;
   * 2 by default.
   */
  readonly level?: 1 | 2 | 3;
  /** Stands in each line, to tell connections apart; the peer's address and port by default, on a server. */
  readonly name?: string;
}

/**
 * A tracer that appends to a file, one line an event with its time: the option `trace` of `connect`, `listen` and `serve`. A file
 * that is not there is made for its owner alone. No secret is written, `hex` or not; what comes from the peer is escaped.
 *
 * A full disk stops the log and not the connection. Lines are written at once and not gathered: for many packets it is slow.
 * Throws `config` when the file cannot be written to now, and for a level that there is none of.
 *
 * @example
 * ```ts
 * connect('db1', { trace: logFile('ssh.log') });
 * listen({ ...options, trace: logFile('server.log', { level: 3, hex: true }) });
 * ```
 */
export function logFile(
  path: string,
  { level = 2, name, ...how }: LogFileOptions = {},
): (event: TraceEvent, source?: { readonly peer: DuplexPeer | undefined }) => void {
  if (![1, 2, 3].includes(level))
    throw new SshError('config', `level ${String(level)} is none of 1, 2, 3`, { option: 'level' });
  try {
    append(path, '');
  } catch (thrown) {
    const message = `the log file cannot be written to: ${toError(thrown).message}`;
    throw new SshError('config', message, { option: 'logFile' }, { cause: thrown });
  }
  return (event, source) => {
    if (traceLevel(event) > level) return;
    const head = [new Date().toISOString(), name ?? placeOf(source?.peer)]
      .filter(Boolean)
      .join(' ');
    const text = traceText(event, how).map((line) => `${head} ${line}\n`);
    try {
      append(path, text.join(''));
    } catch {
      // whoever only watches ends nothing
    }
  };
}

function append(path: string, text: string): void {
  appendFileSync(path, text, { mode: 0o600 });
}

function placeOf(peer: DuplexPeer | undefined): string | undefined {
  return peer && `${peer.address} port ${String(peer.port)}`;
}
