/** `rxssh put`: files of this machine to a host. */
import type { Command } from 'commander';
import type { Observable } from 'rxjs';
import type { CliIo } from './io.ts';
import {
  addTransferOptions,
  type HostTransfer,
  runTransfers,
  type TransferFlags,
} from './transfer.ts';
import { putFiles } from './transfer-files.ts';
import { putByScp } from './transfer-scp.ts';
import { parseLocation } from './transfer-location.ts';
import { UsageError } from './usage.ts';

/** Describes the command. */
export function putCommand(command: Command): Command {
  return addTransferOptions(
    command
      .description('put files on a host')
      .usage('[-r] [--preserve] [--resume] [options] LOCAL... HOST:REMOTE')
      .argument('<path...>', 'files and folders of this machine, and where they go'),
  );
}

/** Runs it. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done. */
export function runPut(
  paths: readonly string[],
  flags: TransferFlags,
  io: CliIo,
): Observable<number> {
  const locals = paths.slice(0, -1);
  if (locals.length === 0) throw new UsageError('put: expected LOCAL... HOST:REMOTE');
  const { host, path } = parseLocation(paths.at(-1) ?? '');
  const transfer: HostTransfer = {
    host,
    move: (context) => putFiles(context, locals, path),
    moveByScp: (context) => putByScp(context, locals, path),
  };
  return runTransfers([transfer], flags, io);
}
