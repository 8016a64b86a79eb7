/** Chance. */
import { readUint32 } from '../wire/bytes.ts';
import type { CryptoProvider } from './provider.ts';

/** A number from 0 to 1, without the 1, that nobody can foresee. */
export function randomFraction(provider: CryptoProvider): number {
  return readUint32(provider.randomBytes(4), 0) / 2 ** 32;
}
