/** A command for callers of promises. */
import { firstValueFrom } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { abortable } from '../operators/abortable.ts';
import { type ExecOptions, runCommand } from './exec.ts';
import { collect, type CollectOptions, type CommandResult } from './output-operators.ts';
import type { Command } from './quote.ts';

/** How `run` runs a command. */
export interface RunOptions extends ExecOptions, CollectOptions {
  /** Ends the command and rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** Runs a command and resolves with all that came of it. */
export function runToEnd(
  connection: SshConnection,
  command: Command,
  options: RunOptions,
): Promise<CommandResult> {
  const { signal } = options;
  const result$ = runCommand(connection, command, options).pipe(collect(options));
  return firstValueFrom(signal === undefined ? result$ : abortable(result$, signal));
}
