/** Where the SSH agent of this machine listens. */
import { defer, type Observable, throwError } from 'rxjs';
import { SshError } from '../errors.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { connectUnix } from '../streams/tcp-node.ts';

/**
 * Connects to an agent's unix socket, or on Windows its named pipe. Cold: emits one duplex and stays open; unsubscribing closes
 * it. Errors with `connect` when nobody listens there, with `config` when there is no path.
 *
 * @param path - the socket; what SSH_AUTH_SOCK says at the time of the subscription unless said otherwise
 */
export function agentSocket(path?: string): Observable<ByteDuplex> {
  return defer(() => {
    const socket = path ?? process.env['SSH_AUTH_SOCK'];
    if (socket !== undefined && socket !== '') return connectUnix(socket);
    const text = 'no agent: SSH_AUTH_SOCK is not set';
    return throwError(() => new SshError('config', text, { option: 'SSH_AUTH_SOCK' }));
  });
}
