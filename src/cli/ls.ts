/** `rxssh ls`: what is in a folder of a host. */
import type { Command } from 'commander';
import {
  catchError,
  concat,
  defer,
  filter,
  ignoreElements,
  type Observable,
  of,
  switchMap,
  tap,
} from 'rxjs';
import { fileType, type SftpClient } from '../node.ts';
import { addClientOptions, type ClientFlags, verbosityOf } from './client-options.ts';
import { type CliIo, Messages } from './io.ts';
import { shownFailure, shownName, sftpConnector, statusOfFailure } from './sftp-connection.ts';
import { isHidden, type ListedFile, listing, widthOf } from './sftp-listing.ts';
import { listingSource, type ListingSource } from './sftp-listing-source.ts';
import { RemotePaths } from './sftp-paths.ts';
import { JsonReport, nameFacts } from './transfer-json.ts';
import { parseLocation } from './transfer-location.ts';
import { whenWritten, Writer } from './writer.ts';

/** What commander makes of the options. */
export interface LsFlags extends ClientFlags {
  readonly long?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

const MODE_BITS = 0o7777;

/** Describes the command. */
export function lsCommand(command: Command): Command {
  return addClientOptions(
    command
      .description('list a folder of a host')
      .usage('[options] HOST:PATH')
      .argument('<host:path>', 'a folder, a file, or a pattern such as db1:/var/log/*.log'),
  )
    .option('--long', 'with permissions, owner, size and time')
    .option('--all', 'those too whose names begin with a dot')
    .option('--json', 'one event a line');
}

/** Runs it. Cold: emits the exit status, and completes. Throws a `UsageError` before anything is done. */
export function runLs(where: string, flags: LsFlags, io: CliIo): Observable<number> {
  const { host, path } = parseLocation(where);
  const messages = new Messages(io.stderr, verbosityOf(flags));
  const connectTo = sftpConnector(flags, io, messages);
  return defer(() => {
    const stdout = new Writer(io.stdout);
    const view =
      flags.json === true
        ? jsonView(host.name, stdout, flags)
        : textView(flags, io, stdout, (thrown) =>
            messages.error(`${shownName(host.name)}: ${shownFailure(thrown)}`),
          );
    const listed$ = connectTo(host, (fs) =>
      listingSource(fs, new RemotePaths(fs), path).pipe(
        switchMap((source) => view.show(fs, source)),
      ),
    );
    return concat(listed$.pipe(ignoreElements()), of(0)).pipe(
      catchError((thrown: unknown) => {
        view.error(thrown);
        return of(statusOfFailure(thrown));
      }),
      tap((status) => view.end(status)),
      whenWritten(stdout),
    );
  });
}

/** Shows what is listed, with credit. */
interface LsView {
  show(fs: SftpClient, source: ListingSource): Observable<unknown>;
  error(thrown: unknown): void;
  end(status: number): void;
}

function textView(
  flags: LsFlags,
  io: CliIo,
  stdout: Writer,
  tell: (thrown: unknown) => void,
): LsView {
  return {
    show: (fs, { file$, isNamed }) =>
      listing(fs, file$, {
        isLong: flags.long === true,
        isAll: flags.all === true || isNamed,
        ...widthOf(io.stdout),
      }).pipe(tap((lines) => stdout.write(lines.map((line) => `${line}\n`).join('')))),
    error: tell,
    end: () => undefined,
  };
}

function jsonView(host: string, stdout: Writer, flags: LsFlags): LsView {
  const report = new JsonReport(stdout);
  return {
    show: (_, { file$, isNamed }) => {
      report.event(host, 'started');
      return file$.pipe(
        filter((file) => flags.all === true || isNamed || !isHidden(file)),
        tap((file) => {
          report.count(file.attributes.size ?? 0);
          report.event(host, 'stdout', facts(file));
        }),
        tap({ complete: () => report.event(host, 'done') }),
      );
    },
    error: (thrown) => report.error(host, thrown),
    end: (status) => report.summary(status),
  };
}

function facts({ name, attributes }: ListedFile): object {
  const { size, uid, gid, permissions, mtime } = attributes;
  const mode = permissions === undefined ? {} : { mode: (permissions & MODE_BITS).toString(8) };
  return { ...nameFacts(name), type: fileType(attributes), size, ...mode, uid, gid, mtime };
}
