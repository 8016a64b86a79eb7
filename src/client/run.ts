/** A command for callers of promises. */
import { firstValueFrom } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { type ExecOptions, runCommand } from './exec.ts';
import { collect, type CollectOptions, type CommandResult } from './output-operators.ts';
import type { Command } from './quote.ts';

/** How `run` runs a command. */
export type RunOptions = ExecOptions & CollectOptions;

/** Runs a command and resolves with all that came of it. */
export function runToEnd(
  connection: SshConnection,
  command: Command,
  options: RunOptions,
): Promise<CommandResult> {
  return firstValueFrom(runCommand(connection, command, options).pipe(collect(options)));
}
