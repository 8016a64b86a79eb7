/** Having a key sign what leaves this machine. */
import { protocolError } from '../errors.ts';
import { verifySignature } from './signature-algorithms.ts';
import type { Signer } from './signer.ts';

/**
 * Has a signer sign. One RSA signature with a fault in it gives its key away to whoever sees it, so what does not verify goes
 * nowhere: throws, or rejects with, `protocol`. Our own RSA signatures are checked where they are made; a device or an agent may
 * not do so.
 */
export function signWith(
  signer: Signer,
  data: Uint8Array,
  algorithm: string,
  signal?: AbortSignal,
): Uint8Array | Promise<Uint8Array> {
  const checked = (signature: Uint8Array): Uint8Array => {
    const { publicKey } = signer;
    if (publicKey.type !== 'ssh-rsa' || verifySignature(algorithm, publicKey, data, signature))
      return signature;
    throw protocolError('the signer has made an RSA signature that does not verify');
  };
  const signature = signer.sign(data, algorithm, signal);
  return signature instanceof Uint8Array
    ? checked(signature)
    : Promise.resolve(signature).then(checked);
}
