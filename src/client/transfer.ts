/** Files and trees, got and put in a session of their own: over SFTP, or scp where the server has no SFTP. */
import { catchError, concat, defer, map, type Observable, throwError } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { isSshError, SshError } from '../errors.ts';
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

/** Gets a file or a tree; see `SshClient.get`. */
export function getFiles(
  ends: TransferEnds,
  remote: Path,
  local: string,
  options: TransferOptions = {},
): Observable<TransferProgress> {
  const bySftp = (fs: SftpClient): Observable<TransferProgress> => fs.get(remote, local, options);
  return transferred(ends, bySftp, (files, run) =>
    scpGet(run, fileName(pathBytes(remote)), files, files.path(local), options),
  );
}

/** Puts a file or a tree; see `SshClient.put`. */
export function putFiles(
  ends: TransferEnds,
  local: string,
  remote: Path,
  options: TransferOptions = {},
): Observable<TransferProgress> {
  const bySftp = (fs: SftpClient): Observable<TransferProgress> => fs.put(local, remote, options);
  return transferred(ends, bySftp, (files, run) =>
    scpPut(run, files, files.path(local), fileName(pathBytes(remote)), options),
  );
}

function transferred(
  { connection, localFiles }: TransferEnds,
  bySftp: (fs: SftpClient) => Observable<TransferProgress>,
  byScp: (files: LocalFiles, run: RunScp) => Observable<TransferProgress>,
): Observable<TransferProgress> {
  return defer(() => {
    if (localFiles === undefined) return throwError(noLocalFiles);
    const files = localFiles;
    return startSftp(connection, { localFiles }).pipe(
      withClient(bySftp),
      catchError((error: unknown) =>
        isRefused(error)
          ? byScp(files, scpOn(connection)).pipe(
              map((event) => ({ ...event, protocol: 'scp' as const })),
            )
          : throwError(() => error),
      ),
    );
  });
}

/** The server has no such subsystem. */
function isRefused(error: unknown): boolean {
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
