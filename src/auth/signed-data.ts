/** What the signatures of requests are made over (RFC 4252 §7, §9). */
import { Writer } from '../wire/writer.ts';

const USERAUTH_REQUEST = 50;

/** What both kinds of request begin with. */
interface SignedBeginning {
  readonly userName: string;
  /** The service to start afterwards: `ssh-connection`. */
  readonly serviceName: string;
}

/** The request that is signed, in the words of RFC 4252 §7. */
export interface SignedRequest extends SignedBeginning {
  /** The public key algorithm that signs: for RSA `rsa-sha2-256` or `rsa-sha2-512` (RFC 8332 §3.2). */
  readonly algorithm: string;
  /** The public key blob. */
  readonly publicKey: Uint8Array;
}

/** The request that a client's host signs, in the words of RFC 4252 §9. */
export interface HostbasedRequest extends SignedBeginning {
  readonly algorithm: string;
  /** The blob of the client host's public key. */
  readonly hostKey: Uint8Array;
  readonly clientHost: string;
  readonly localUser: string;
}

/**
 * The bytes that a `publickey` request's signature covers: the session identifier, then the request as it is sent, up to the
 * signature (RFC 4252 §7). The session identifier is what makes a signature worthless in any other session.
 *
 * @param sessionId - exchange hash of the first key exchange
 */
export function signedData(sessionId: Uint8Array, request: SignedRequest): Uint8Array {
  return beginning(sessionId, request, 'publickey')
    .boolean(true)
    .utf8(request.algorithm)
    .string(request.publicKey)
    .bytes();
}

/** The same for a `hostbased` request (RFC 4252 §9). */
export function hostbasedSignedData(sessionId: Uint8Array, request: HostbasedRequest): Uint8Array {
  return beginning(sessionId, request, 'hostbased')
    .utf8(request.algorithm)
    .string(request.hostKey)
    .utf8(request.clientHost)
    .utf8(request.localUser)
    .bytes();
}

function beginning(
  sessionId: Uint8Array,
  { userName, serviceName }: SignedBeginning,
  methodName: string,
): Writer {
  return new Writer()
    .string(sessionId)
    .byte(USERAUTH_REQUEST)
    .utf8(userName)
    .utf8(serviceName)
    .utf8(methodName);
}
