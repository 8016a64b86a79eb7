/** What `get` and `put` have in common: options, hosts one behind the other, and the exit status. */
import type { Command } from 'commander';
import {
  catchError,
  concatMap,
  defer,
  finalize,
  from,
  last,
  map,
  merge,
  type Observable,
  of,
  reduce,
  scan,
  startWith,
  take,
  tap,
} from 'rxjs';
import type { SftpClient, SshClient, TransferOptions, TransferProgress } from '../node.ts';
import { addClientOptions, type ClientFlags, verbosityOf } from './client-options.ts';
import type { NamedHost } from './client-setup.ts';
import { type CliIo, Messages } from './io.ts';
import { ProgressBars } from './progress-bars.ts';
import { FILE_STATUS, sftpConnector, statusOfFailure } from './sftp-connection.ts';
import { RemotePaths } from './sftp-paths.ts';
import type { TransferContext } from './transfer-files.ts';
import type { ScpContext } from './transfer-scp.ts';
import { GentleEnding } from './transfer-ending.ts';
import { JsonReport } from './transfer-json.ts';
import { jsonView, textView, type TransferView } from './transfer-view.ts';
import { integer } from './values.ts';
import { whenWritten, Writer } from './writer.ts';

/** What commander makes of the options. */
export interface TransferFlags extends ClientFlags {
  readonly r?: boolean;
  readonly preserve?: boolean;
  readonly resume?: boolean;
  readonly concurrency?: string;
  readonly json?: boolean;
}

/** What is moved from or to one host. */
export interface HostTransfer {
  readonly host: NamedHost;
  readonly move: (context: TransferContext) => Observable<TransferProgress>;
  /** The same for a server without SFTP. */
  readonly moveByScp: (context: ScpContext) => Observable<TransferProgress>;
}

const MAX_CONCURRENCY = 1_000;

/** Adds what `get` and `put` are told. */
export function addTransferOptions(command: Command): Command {
  return addClientOptions(command)
    .option('-r', 'folders with all that is in them')
    .option('--preserve', 'keep permissions and times')
    .option('--resume', 'go on where an earlier try with --resume has ended')
    .option('--concurrency <n>', 'files at a time; 4 by default')
    .option('--json', 'one event a line');
}

/** Runs transfers. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done. */
export function runTransfers(
  transfers: readonly HostTransfer[],
  flags: TransferFlags,
  io: CliIo,
): Observable<number> {
  const hasBars = io.stderr.isTTY === true && flags.q !== true && flags.json !== true;
  const bars = hasBars ? new ProgressBars(io.stderr) : undefined;
  const messages = new Messages(bars?.output ?? io.stderr, verbosityOf(flags));
  const connectTo = sftpConnector(flags, io, messages);
  const options = transferOptions(flags);
  return defer(() => {
    const stdout = new Writer(io.stdout);
    const view = flags.json === true ? jsonView(new JsonReport(stdout)) : textView(messages, bars);
    const ending = new GentleEnding();
    const status$ = from(transfers).pipe(
      concatMap(({ host, move, moveByScp }) => {
        const work = (fs: SftpClient): Observable<TransferProgress> => {
          view.started(host.name);
          return move({ fs, remote: new RemotePaths(fs), options }).pipe(ending.stops(fs));
        };
        const byScp = (client: SshClient): Observable<TransferProgress> => {
          view.started(host.name);
          return moveByScp({ client, options });
        };
        return hostStatus(host.name, connectTo(host, work, byScp), view);
      }),
      reduce((largest, status) => Math.max(largest, status), 0),
      tap((status) => view.end(status)),
      finalize(() => bars?.end()),
      whenWritten(stdout),
    );
    return merge(status$, ending.status$).pipe(take(1));
  });
}

function transferOptions({ r, preserve, resume, concurrency }: TransferFlags): TransferOptions {
  return {
    onError: 'continue',
    recursive: r === true,
    preserve: preserve === true,
    resume: resume === true,
    ...(concurrency === undefined
      ? {}
      : { concurrency: integer('--concurrency', concurrency, 1, MAX_CONCURRENCY) }),
  };
}

/** Shows what happens on a host, and emits its status at the end. */
function hostStatus(
  host: string,
  progress$: Observable<TransferProgress>,
  view: TransferView,
): Observable<number> {
  return progress$.pipe(
    tap((progress) => view.show(host, progress)),
    statusOf(),
    tap(() => view.done(host)),
    catchError((thrown: unknown) => {
      view.error(host, thrown);
      return of(statusOfFailure(thrown));
    }),
  );
}

/** Emits at the end whether every file is where it should be. */
function statusOf(): (progress$: Observable<TransferProgress>) => Observable<number> {
  return (progress$) =>
    progress$.pipe(
      map(({ state, error }) => (state === 'failed' || error !== undefined ? FILE_STATUS : 0)),
      scan((worst: number, status) => Math.max(worst, status), 0),
      startWith(0),
      last(),
    );
}
