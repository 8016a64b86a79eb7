/** Whatever can sign: a private key in memory, a key behind an agent, a key in a device or a remote service. */
import type { PublicKey } from './public-key.ts';

/** Signs for one public key. */
export interface Signer {
  /** The public half. */
  readonly publicKey: PublicKey;
  /** Names of the signature algorithms that it can sign with, most preferred first. */
  readonly algorithms: readonly string[];
  /** Free text that came with the key. */
  readonly comment?: string;
  /** Where the key came from, for messages: a file, an agent. */
  readonly source?: string;
  /**
   * Signs at once, without asking a person or a device: then a server is sent the signature straight away, and not asked first
   * whether it would take the key.
   */
  readonly isImmediate?: boolean;
  /**
   * Signs the data; the result is a signature blob (RFC 4253 §6.6). Throws, or rejects with, an `SshError`: `unsupported`
   * when the algorithm is none of `algorithms`.
   *
   * @param signal - fires when nobody waits for the signature any more; whoever asks a device or an agent lets go of it then
   */
  sign(data: Uint8Array, algorithm: string, signal?: AbortSignal): Uint8Array | Promise<Uint8Array>;
}
