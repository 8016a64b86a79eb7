/** What a `publickey` signature is made over (RFC 4252 §7). */
import { Writer } from '../wire/writer.ts';

const USERAUTH_REQUEST = 50;

/** The request that is signed, in the words of RFC 4252 §7. */
export interface SignedRequest {
  readonly userName: string;
  /** The service to start afterwards: `ssh-connection`. */
  readonly serviceName: string;
  /** The public key algorithm that signs: for RSA `rsa-sha2-256` or `rsa-sha2-512` (RFC 8332 §3.2). */
  readonly algorithm: string;
  /** The public key blob. */
  readonly publicKey: Uint8Array;
}

/**
 * The bytes that a `publickey` request's signature covers: the session identifier, then the request as it is sent, up to the
 * signature (RFC 4252 §7). The session identifier is what makes a signature worthless in any other session.
 *
 * @param sessionId - exchange hash of the first key exchange
 */
export function signedData(sessionId: Uint8Array, request: SignedRequest): Uint8Array {
  return new Writer()
    .string(sessionId)
    .byte(USERAUTH_REQUEST)
    .utf8(request.userName)
    .utf8(request.serviceName)
    .utf8('publickey')
    .boolean(true)
    .utf8(request.algorithm)
    .string(request.publicKey)
    .bytes();
}
