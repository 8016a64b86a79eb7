/** How a connection ends: which error for whom, and what the peer is told. */
import { escapeText, isSshError, SshError, toError } from '../errors.ts';
import { DisconnectReason, nameOfCode } from '../messages/codes.ts';
import type { Identification } from '../transport/identification.ts';

/** What DISCONNECT says (RFC 4253 §11.1). */
export interface Farewell {
  readonly reasonCode: number;
  readonly description: string;
}

/** What the peer is told of an error; `undefined` when it is not there any more. */
export function farewellFor(error: SshError): Farewell | undefined {
  switch (error.kind) {
    case 'connection-lost':
    case 'disconnect':
      return undefined;
    case 'protocol':
      return protocolFarewell(error as SshError<'protocol'>);
    case 'host-key':
      return {
        reasonCode: DisconnectReason.HOST_KEY_NOT_VERIFIABLE,
        description: 'host key not accepted',
      };
    case 'key-exchange':
    case 'key-format':
      return { reasonCode: DisconnectReason.KEY_EXCHANGE_FAILED, description: error.message };
    case 'auth':
      return {
        reasonCode: DisconnectReason.NO_MORE_AUTH_METHODS_AVAILABLE,
        description: 'no more authentication methods',
      };
    default:
      return { reasonCode: DisconnectReason.BY_APPLICATION, description: error.kind };
  }
}

/** What the peer has done wrong it may know; what has gone wrong in here may have anything in its message. */
function protocolFarewell({ message, detail }: SshError<'protocol'>): Farewell {
  const { disconnectReason: reasonCode } = detail;
  const isOurFault = reasonCode === DisconnectReason.BY_APPLICATION;
  return { reasonCode, description: isOurFault ? 'internal error' : message };
}

/** The error of a transport that ended without a word. */
export function connectionLost(cause?: unknown): SshError<'connection-lost'> {
  const why = cause === undefined ? 'the peer closed the connection' : toError(cause).message;
  return new SshError('connection-lost', `connection lost: ${why}`, {}, { cause });
}

/** The error of a connection whose duplex is gone; a peer that has said nothing of SSH is another service, perhaps, or has too many clients. */
export function lossOf(cause: unknown, peer?: Identification): SshError {
  if (isSshError(cause)) return cause;
  if (cause !== undefined || peer !== undefined) return connectionLost(cause);
  const message = 'connection lost: the peer closed the connection before it identified itself';
  return new SshError('connection-lost', message, {});
}

/** The error of a connection whose subscription has ended. */
export function releasedError(): SshError<'released'> {
  const message =
    'the connection was let go when its subscription ended: keep it subscribed while you use what it emitted ' +
    '(firstValueFrom(connect(…)) disconnects at once; exec, withClient and open do not)';
  return new SshError('released', message, { what: 'connection' });
}

/** The error of a DISCONNECT that the peer sent. */
export function disconnectedByPeer(
  reasonCode: number,
  description: string,
): SshError<'disconnect'> {
  const text = escapeText(description);
  const name = nameOfCode(DisconnectReason, reasonCode);
  return new SshError(
    'disconnect',
    `disconnected by the peer: ${name}${text === '' ? '' : `: ${text}`}`,
    { reasonCode, description: text, by: 'peer' },
    { transient: reasonCode === DisconnectReason.TOO_MANY_CONNECTIONS },
  );
}

/** Whatever was thrown while a connection worked, as an error of the connection: a foreign one is a fault of ours. */
export function asSshError(thrown: unknown): SshError {
  if (isSshError(thrown)) return thrown;
  return new SshError(
    'protocol',
    `internal error: ${toError(thrown).message}`,
    { disconnectReason: DisconnectReason.BY_APPLICATION },
    { cause: thrown },
  );
}

/**
 * What a function of the caller has thrown: the option is at fault, and not the connection.
 *
 * @param option - its name
 */
export function callbackError(option: string, thrown: unknown): SshError {
  if (isSshError(thrown)) return thrown;
  const message = `${option} has thrown: ${toError(thrown).message}`;
  return new SshError('config', message, { option }, { cause: thrown });
}
