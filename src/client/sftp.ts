/** SFTP on a connection: a session channel with the subsystem, and the client on it. */
import { concat, type MonoTypeOperatorFunction, Observable } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { escapeText, isSshError, SshError } from '../errors.ts';
import { nest } from '../operators/nest.ts';
import { openSftp, type SftpOptions } from '../sftp/client/open-sftp.ts';
import type { SftpClient } from '../sftp/client/sftp-client.ts';
import { hasDraftSymlink } from '../sftp/symlink-order.ts';
import { utf8Text } from '../wire/bytes.ts';
import { openSession, type SessionChannel } from './session.ts';

/**
 * A window that never limits what was asked for. It is not how much arrives: requests on their way say that, and the server
 * keeps nothing back that it could send.
 */
const WINDOW = 16 * 1024 * 1024;

/** Characters of what a server says at its end that an error shows. */
const SHOWN = 200;

/** Opens a channel, starts the subsystem `sftp` on it, and emits a client; see `SshClient.sftp`. */
export function startSftp(
  connection: SshConnection,
  options: SftpOptions = {},
): Observable<SftpClient> {
  const { scheduler, handshake } = connection.transport;
  const draftSymlink = hasDraftSymlink(handshake.peerIdentification);
  const { signal } = options;
  return openSession(connection, { window: WINDOW, ...(signal && { signal }) }).pipe(
    nest((session) =>
      concat(
        session.subsystem('sftp'),
        openSftp(session.channel, { scheduler, draftSymlink, ...options }),
      ).pipe(withLastWords(session)),
    ),
  );
}

/** A server that ends before SFTP begins may have said why on stderr: there is no such program, the account is closed. */
function withLastWords({ stderr$ }: SessionChannel): MonoTypeOperatorFunction<SftpClient> {
  return (client$) =>
    new Observable((out) => {
      let words = '';
      let hasBegun = false;
      const listening = stderr$.subscribe({
        next: (bytes) => {
          if (!hasBegun && words.length < SHOWN) words += utf8Text(bytes.subarray(0, SHOWN));
        },
        // it ends with the channel, of which the client hears too
        error: () => {},
      });
      out.add(listening);
      const running = client$.subscribe({
        next: (client) => {
          hasBegun = true;
          out.next(client);
        },
        error: (error: unknown) => out.error(hasBegun ? error : explained(error, words.trim())),
        complete: () => out.complete(),
      });
      out.add(running);
    });
}

function explained(error: unknown, words: string): unknown {
  if (words === '' || !isSshError(error, 'connection-lost')) return error;
  const message = `${error.message}; it says "${escapeText(words, SHOWN)}"`;
  return new SshError('connection-lost', message, error.detail, { cause: error });
}
