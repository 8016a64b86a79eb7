/** What the commands that move files have in common: a connection with SFTP on it, and what a failure comes to. */
import { catchError, type Observable, type ObservableInput, throwError } from 'rxjs';
import {
  type ErrorKind,
  escapeText,
  hasNoSftp,
  isSshError,
  type SftpClient,
  type SshClient,
  type SshError,
  withClient,
} from '../node.ts';
import { type ClientFlags, clientSettings } from './client-options.ts';
import { connector, type NamedHost } from './client-setup.ts';
import type { CliIo, Messages } from './io.ts';
import { FAILURE_STATUS, messageOf, USAGE_STATUS, UsageError } from './usage.ts';

/** Runs work over SFTP on a host, or what there is for a server without SFTP. */
export type SftpConnector = <R>(
  host: NamedHost,
  work: (fs: SftpClient) => ObservableInput<R>,
  withoutSftp?: (client: SshClient) => ObservableInput<R>,
) => Observable<R>;

/** Exit status when something could not be done with a file, the connection being well. */
export const FILE_STATUS = 1;

const FILE_KINDS: ReadonlySet<ErrorKind> = new Set([
  'sftp',
  'transfer',
  'unsupported',
  'overflow',
  'config',
]);

/** Reads all settings of a connection, so that what is wrong is told before anything is connected to. */
export function sftpConnector(flags: ClientFlags, io: CliIo, messages: Messages): SftpConnector {
  const connectTo = connector(clientSettings(flags), io, messages);
  return (host, work, withoutSftp) =>
    connectTo(host).pipe(
      withClient((client) =>
        client.sftp().pipe(
          withClient(work),
          catchError((error: unknown) =>
            withoutSftp !== undefined && hasNoSftp(error)
              ? withoutSftp(client)
              : throwError(() => error),
          ),
        ),
      ),
    );
}

/** 1 for what concerns files here or there, 255 for what ended the connection or kept it from coming up. */
export function statusOfFailure(thrown: unknown): number {
  if (thrown instanceof UsageError) return USAGE_STATUS;
  if (!isSshError(thrown)) return FILE_STATUS;
  return isAboutFiles(thrown) ? FILE_STATUS : FAILURE_STATUS;
}

/** Does an error concern a file, and not the connection? */
export function isAboutFiles({ kind }: SshError): boolean {
  return FILE_KINDS.has(kind);
}

/** What a failure says, fit to be shown: system errors have names of files in them. */
export function shownFailure(thrown: unknown): string {
  return isSshError(thrown) ? thrown.message : shownName(messageOf(thrown));
}

/** A name as it is shown, whole: nothing in it reaches the terminal as a control character. */
export function shownName(text: string): string {
  return escapeText(text, Number.POSITIVE_INFINITY);
}
