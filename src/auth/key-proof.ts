/** A key that a client presents, and the proof that it holds it: what the server's publickey and hostbased have in common. */
import { isSshError } from '../errors.ts';
import { hasMinimumRsaBits, parsePublicKey, type PublicKey } from '../keys/public-key.ts';
import { signatureAlgorithm } from '../keys/signature-algorithms.ts';
import type { ServerMethodContext } from './server-method.ts';

/** A key that may sign with this algorithm, or why it may not. */
export function examineKey(
  blob: Uint8Array,
  algorithm: string,
  { algorithms, minimumRsaBits }: ServerMethodContext,
): PublicKey | string {
  // first: to read a DSA key takes a thousand times as long as to look at a name
  if (!algorithms.includes(algorithm)) return 'signature algorithm not accepted';
  const key = readKey(blob);
  if (key === undefined) return 'key not readable';
  if (signatureAlgorithm(algorithm)?.keyType !== key.type) return 'key of another type';
  return hasMinimumRsaBits(key, minimumRsaBits) ? key : 'RSA key too short';
}

function readKey(blob: Uint8Array): PublicKey | undefined {
  try {
    return parsePublicKey(blob);
  } catch (error) {
    if (isSshError(error)) return undefined;
    throw error;
  }
}
