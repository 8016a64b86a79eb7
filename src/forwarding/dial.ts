/** Connections that the server makes for us: a channel is the connection. */
import { defer, map, type Observable } from 'rxjs';
import type { SshConnection } from '../channels/connection.ts';
import { directStreamlocal, directTcpip } from '../messages/forwarding.ts';
import type { ByteDuplex, DuplexPeer } from '../streams/byte-duplex.ts';
import { CARRIER, ChannelDuplex } from './channel-duplex.ts';
import { checkTarget, type Endpoint } from './endpoint.ts';

/** RFC 4254 §7.2 wants an address of whoever connects: this is who connects for himself. */
const NOBODY: DuplexPeer = { address: '127.0.0.1', port: 0 };

const NO_BYTES = new Uint8Array(0);

/**
 * Opens a channel whose other end the server has connected to `to` (RFC 4254 §7.2, OpenSSH PROTOCOL 2.4). Emits it and completes
 * when it is closed; unsubscribing closes it. Errors with `config`, and like `SshConnection.openChannel`.
 *
 * @param originator - for whom the connection is made: the server may tell its log
 */
export function dialFrom(
  connection: SshConnection,
  to: Endpoint,
  originator: DuplexPeer = NOBODY,
): Observable<ByteDuplex> {
  return defer(() => {
    checkTarget(to);
    const [type, payload] = openOf(to, originator);
    return connection
      .openChannel(type, payload, CARRIER)
      .pipe(map((channel) => new ChannelDuplex(channel)));
  });
}

function openOf(to: Endpoint, originator: DuplexPeer): readonly [string, Uint8Array] {
  if ('socketPath' in to) {
    const { socketPath } = to;
    const payload = { socketPath, reserved: NO_BYTES, reservedPort: 0 };
    return ['direct-streamlocal@openssh.com', directStreamlocal.encode(payload)];
  }
  const payload = {
    hostToConnect: to.host,
    portToConnect: to.port,
    originatorAddress: originator.address,
    originatorPort: originator.port,
  };
  return ['direct-tcpip', directTcpip.encode(payload)];
}
