/** Starts SFTP over whatever carries its bytes. */
import { Observable } from 'rxjs';
import { abortableBy } from '../../operators/abortable.ts';
import type { ByteDuplex } from '../../streams/byte-duplex.ts';
import { ClientSession, type SessionOptions } from './client-session.ts';
import { limits } from '../extensions.ts';
import { limitsOf } from './limits.ts';
import { encodePacket, type ReplyPacket } from '../packets.ts';
import { refusal } from './requests.ts';
import { SftpClient } from './sftp-client.ts';
import type { LocalFiles } from '../transfer/local-files.ts';

/** How an SFTP client behaves. */
export interface SftpOptions extends SessionOptions {
  /** What `get` and `put` find by their local paths; the disks of this machine on Node. */
  readonly localFiles?: LocalFiles;
  /** Ends the session, with the error `aborted`. */
  readonly signal?: AbortSignal;
}

/**
 * Starts SFTP over a duplex: a channel whose subsystem was started, or the pipes of an `sftp-server`. Cold: sends INIT, waits
 * for VERSION, asks for the limits where the server has limits@openssh.com, emits one client and stays open. Unsubscribing ends
 * the session and destroys the duplex. Errors with `protocol` when what comes is no SFTP (a shell that prints is named with
 * what it said), with `timeout`, or with what ended the duplex.
 *
 * @example
 * ```ts
 * openSftp(duplex).pipe(mergeMap((fs) => fs.list('.')));
 * ```
 */
export function openSftp(duplex: ByteDuplex, options: SftpOptions = {}): Observable<SftpClient> {
  const client$ = new Observable<SftpClient>((out) => {
    const session = new ClientSession(duplex, options);
    const emit = (): void => {
      if (!out.closed) out.next(new SftpClient(session, options.localFiles));
    };
    out.add(session.closed$.subscribe((error) => out.error(error)));
    out.add(() => session.release());
    session.start(() => {
      if (session.supports(limits)) askLimits(session, emit);
      else emit();
    });
  });
  return client$.pipe(abortableBy(options.signal));
}

/** A server that does not tell them after all has none to tell. */
function askLimits(session: ClientSession, told: () => void): void {
  const data = limits.request.encode({});
  const answer = (reply: ReplyPacket): void => {
    if (reply.type === 'EXTENDED_REPLY') session.limits = limitsOf(reply.data);
    else refusal({ name: limits.name }, reply);
    told();
  };
  session.send({ answer, fail: () => {} }, (id) =>
    encodePacket({ type: 'EXTENDED', id, request: limits.name, data }),
  );
}
