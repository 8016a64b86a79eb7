/** `rxssh get`: files of hosts to this machine. */
import type { Command } from 'commander';
import type { Observable } from 'rxjs';
import type { CliIo } from './io.ts';
import {
  addTransferOptions,
  type HostTransfer,
  runTransfers,
  type TransferFlags,
} from './transfer.ts';
import { getFiles } from './transfer-files.ts';
import { getByScp } from './transfer-scp.ts';
import { type Location, parseLocation } from './transfer-location.ts';
import { UsageError } from './usage.ts';

/** Describes the command. */
export function getCommand(command: Command): Command {
  return addTransferOptions(
    command
      .description('get files from hosts')
      .usage('[-r] [--preserve] [--resume] [options] HOST:REMOTE... LOCAL')
      .argument('<path...>', 'files, folders or patterns of hosts, and where they go'),
  );
}

/** Runs it. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done. */
export function runGet(
  paths: readonly string[],
  flags: TransferFlags,
  io: CliIo,
): Observable<number> {
  const sources = paths.slice(0, -1).map(parseLocation);
  const local = paths.at(-1);
  if (sources.length === 0 || local === undefined)
    throw new UsageError('get: expected HOST:REMOTE... LOCAL');
  return runTransfers(byHost(sources, local), flags, io);
}

/** One connection for all that comes from a host. */
function byHost(sources: readonly Location[], local: string): readonly HostTransfer[] {
  const names = [...new Set(sources.map(({ host }) => host.name))];
  return names.flatMap((name) => {
    const own = sources.filter(({ host }) => host.name === name);
    const patterns = own.map(({ path }) => path);
    return own.slice(0, 1).map(({ host }) => ({
      host,
      move: (context) => getFiles(context, patterns, local, sources.length > 1),
      moveByScp: (context) => getByScp(context, patterns, local, sources.length > 1),
    }));
  });
}
