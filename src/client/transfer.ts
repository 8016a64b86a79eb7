/** Files and trees, got and put in a session of their own: over SFTP, or scp where the server has no SFTP. */
import { catchError, concat, defer, map, type Observable, throwError } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { isSshError, SshError } from '../errors.ts';
import { abortableBy } from '../operators/abortable.ts';
import { nest } from '../operators/nest.ts';
import { fileName, type Path, pathBytes } from '../sftp/file-name.ts';
import type { RunScp, ScpChannel } from '../sftp/scp/scp-client.ts';
import { scpGet } from '../sftp/scp/scp-get.ts';
import { scpPut } from '../sftp/scp/scp-put.ts';
import type { SftpClient } from '../sftp/client/sftp-client.ts';
import type { LocalFiles } from '../sftp/transfer/local-files.ts';
import type { TransferOptions, TransferProgress } from '../sftp/transfer/transfer-options.ts';
import { openSession } from './session.ts';
import { startSftp } from './sftp.ts';
import { withClient } from './with-client.ts';

/** The connection, and the files of this side. */
export interface TransferEnds {
  readonly connection: SshConnection;
  readonly localFiles: LocalFiles | undefined;
}

/** How files are moved, and what with. */
export interface ClientTransferOptions extends TransferOptions {
  /** `sftp` or `scp` and nothing else; SFTP, and scp where there is none, unless said otherwise. */
  readonly protocol?: 'sftp' | 'scp';
}

/** Gets a file or a tree; see `SshClient.get`. */
export function getFiles(
  ends: TransferEnds,
  remote: Path,
  local: string,
  options: ClientTransferOptions = {},
): Observable<TransferProgress> {
  const bySftp = (fs: SftpClient): Observable<TransferProgress> => fs.get(remote, local, options);
  return transferred(ends, options, bySftp, (files, run) =>
    scpGet(run, fileName(pathBytes(remote)), files, files.path(local), options),
  );
}

/** Puts a file or a tree; see `SshClient.put`. */
export function putFiles(
  ends: TransferEnds,
  local: string,
  remote: Path,
  options: ClientTransferOptions = {},
): Observable<TransferProgress> {
  const bySftp = (fs: SftpClient): Observable<TransferProgress> => fs.put(local, remote, options);
  return transferred(ends, options, bySftp, (files, run) =>
    scpPut(run, files, files.path(local), fileName(pathBytes(remote)), options),
  );
}

function transferred(
  { connection, localFiles }: TransferEnds,
  { protocol, signal }: ClientTransferOptions,
  bySftp: (fs: SftpClient) => Observable<TransferProgress>,
  byScp: (files: LocalFiles, run: RunScp) => Observable<TransferProgress>,
): Observable<TransferProgress> {
  return defer(() => {
    if (localFiles === undefined) return throwError(noLocalFiles);
    const scp$ = byScp(localFiles, scpOn(connection)).pipe(
      map((event) => ({ ...event, protocol: 'scp' as const })),
    );
    if (protocol === 'scp') return scp$;
    return startSftp(connection, { localFiles }).pipe(
      withClient(bySftp),
      catchError((error: unknown) =>
        protocol === undefined && hasNoSftp(error) ? scp$ : throwError(() => error),
      ),
    );
  }).pipe(abortableBy(signal));
}

/**
 * Does an error say that the server has no SFTP? That of `client.sftp()` does where the subsystem was refused.
 *
 * @example
 * ```ts
 * client.sftp().pipe(catchError((error) => (hasNoSftp(error) ? byOtherMeans(client) : throwError(() => error))));
 * ```
 */
export function hasNoSftp(error: unknown): boolean {
  return isSshError(error, 'request-refused') && error.detail.request === 'subsystem';
}

function scpOn(connection: SshConnection): RunScp {
  return (words) =>
    openSession(connection).pipe(
      nest((session) =>
        concat(
          session.exec(words),
          defer((): ScpChannel[] => [session]),
        ),
      ),
    );
}

function noLocalFiles(): SshError<'unsupported'> {
  const message = 'there are no local files here: give `localFiles`';
  return new SshError('unsupported', message, { feature: 'local files' });
}
