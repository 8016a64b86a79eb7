/** Payloads of forwarding: of TCP (RFC 4254 §7), and of unix sockets (OpenSSH PROTOCOL 2.4). */
import { string, text, uint32, utf8 } from '../wire/fields.ts';
import { struct } from '../wire/struct.ts';

/** RFC 4254 §7.1: `tcpip-forward` and `cancel-tcpip-forward`. */
export const tcpipForward = struct('tcpip-forward', { bindAddress: utf8, bindPort: uint32 });

/** RFC 4254 §7.1: the reply to a `tcpip-forward` whose port was 0. */
export const tcpipForwardReply = struct('tcpip-forward reply', { boundPort: uint32 });

/** RFC 4254 §7.2: OPEN of a connection that has come to a port that was asked for. */
export const forwardedTcpip = struct('forwarded-tcpip', {
  connectedAddress: utf8,
  connectedPort: uint32,
  originatorAddress: text,
  originatorPort: uint32,
});

/** RFC 4254 §7.2: OPEN of a connection to be made. */
export const directTcpip = struct('direct-tcpip', {
  hostToConnect: utf8,
  portToConnect: uint32,
  originatorAddress: text,
  originatorPort: uint32,
});

/** PROTOCOL 2.4: `streamlocal-forward@openssh.com` and its cancel. */
export const streamlocalForward = struct('streamlocal-forward', { socketPath: utf8 });

/** PROTOCOL 2.4: OPEN of a connection that has come to a socket that was asked for. */
export const forwardedStreamlocal = struct('forwarded-streamlocal', {
  socketPath: utf8,
  reserved: string,
});

/** PROTOCOL 2.4: OPEN of a connection to be made; the reserved fields are for an originator that has no address. */
export const directStreamlocal = struct('direct-streamlocal', {
  socketPath: utf8,
  reserved: string,
  reservedPort: uint32,
});
