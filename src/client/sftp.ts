/** SFTP on a connection: a session channel with the subsystem, and the client on it. */
import { concat, type Observable } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { nest } from '../operators/nest.ts';
import { openSftp, type SftpOptions } from '../sftp/client/open-sftp.ts';
import type { SftpClient } from '../sftp/client/sftp-client.ts';
import { openSession } from './session.ts';

/**
 * A window that never limits what was asked for. It is not how much arrives: requests on their way say that, and the server
 * keeps nothing back that it could send.
 */
const WINDOW = 16 * 1024 * 1024;

/** It has the draft's order of SYMLINK for all who do not call themselves OpenSSH or paramiko. */
const ASYNCSSH = 'SSH-2.0-AsyncSSH_';

/** Opens a channel, starts the subsystem `sftp` on it, and emits a client; see `SshClient.sftp`. */
export function startSftp(
  connection: SshConnection,
  options: SftpOptions = {},
): Observable<SftpClient> {
  const { scheduler, handshake } = connection.transport;
  const draftSymlink = handshake.peerIdentification.startsWith(ASYNCSSH);
  return openSession(connection, { window: WINDOW }).pipe(
    nest((session) =>
      concat(
        session.subsystem('sftp'),
        openSftp(session.channel, { scheduler, draftSymlink, ...options }),
      ),
    ),
  );
}
