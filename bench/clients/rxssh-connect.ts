/** How rxssh connects. */
import type { Observable } from 'rxjs';
import { connect, type ConnectOptions, type SshClient } from 'rxssh';
import { HOST_KEY, KEX, rekeyBytesOf, type Task } from '../task.ts';

/** A connection that is logged in. */
export function connectTo(task: Task): Observable<SshClient> {
  const { server, protection } = task;
  const rekeyBytes = rekeyBytesOf(task);
  const options: ConnectOptions = {
    host: server.host,
    port: server.port,
    user: server.user,
    agent: false,
    identityFiles: [server.identityFile],
    knownHostsFiles: [server.knownHostsFile],
    algorithms: {
      kex: [KEX],
      hostKey: [HOST_KEY],
      cipher: [protection.cipher],
      mac: [protection.mac],
    },
    ...(rekeyBytes === undefined ? {} : { rekey: { bytes: rekeyBytes } }),
  };
  return connect(options);
}
