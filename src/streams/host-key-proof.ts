/** What a server's signature over the exchange hash proves (RFC 4253 §8), and the errors of a host key that is not accepted. */
import type { CryptoProvider } from '../crypto/provider.ts';
import { isSshError, protocolError, SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { equalPublicKeys, parsePublicKey } from '../keys/public-key.ts';
import { signatureAlgorithm, verifySignature } from '../keys/signature-algorithms.ts';
import { DisconnectReason } from '../messages/codes.ts';
import type { Signer } from '../keys/signer.ts';
import type { HostKeyClaim } from './key-exchange-context.ts';

/** What a server says of itself. */
export interface HostKeyProof {
  /** Its public key as a blob. */
  readonly hostKey: Uint8Array;
  /** Over the exchange hash. */
  readonly signature: Uint8Array;
  readonly exchangeHash: Uint8Array;
  /** The signature algorithm that was negotiated. */
  readonly algorithm: string;
}

/**
 * The host key that the server holds.
 *
 * @param known - its key as of the exchange before, when there was one
 * @throws SshError `protocol` when the key does not fit the algorithm or the signature does not verify, `host-key` for a key
 *   that is not the known one
 */
export function proveHostKey(
  { hostKey, signature, exchangeHash, algorithm }: HostKeyProof,
  known: HostKeyClaim | undefined,
  provider: CryptoProvider,
): HostKeyClaim {
  const key = parsePublicKey(hostKey);
  if (signatureAlgorithm(algorithm)?.keyType !== key.type) {
    throw protocolError(
      `a host key of type ${key.type} under ${algorithm}`,
      DisconnectReason.KEY_EXCHANGE_FAILED,
    );
  }
  if (!verifySignature(algorithm, key, exchangeHash, signature, provider)) {
    throw protocolError(
      'the host key signature does not verify',
      DisconnectReason.HOST_KEY_NOT_VERIFIABLE,
    );
  }
  // one connection is one server: who trusts any key must still not be handed from one to another
  if (known !== undefined && !equalPublicKeys(known.key, key)) {
    throw new SshError('host-key', 'the server came with another host key in a rekey', {
      reason: 'changed',
      host: '',
      algorithm,
      fingerprint: fingerprint(key),
    });
  }
  return { key, algorithm };
}

/** The server's own key that signs with this algorithm. */
export function signerFor(hostKeys: readonly Signer[], algorithm: string): Signer {
  const signer = hostKeys.find((each) => each.algorithms.includes(algorithm));
  if (signer === undefined)
    throw new SshError('config', `no host key for ${algorithm}`, { option: 'hostKeys' });
  return signer;
}

/** Anything that is not a typed refusal is one: a verifier that fails must never count as one that accepts. */
export function refusedHostKey(error: unknown): SshError {
  if (isSshError(error)) return error;
  return new SshError(
    'host-key',
    'the host key was not accepted',
    { reason: 'rejected', host: '', algorithm: '', fingerprint: '' },
    { cause: error },
  );
}
