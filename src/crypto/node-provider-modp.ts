/** Diffie-Hellman modulo a prime on node:crypto, for the groups of RFC 3526. */
import { createDiffieHellman, randomBytes } from 'node:crypto';
import { byteLength, bytesToInteger, integerToBytes } from './integers.ts';
import { checkPublicValue, isKnownModpGroup, MODP_EXPONENT_LENGTH } from './modp.ts';
import { nobleProvider } from './noble-provider.ts';
import { plainBytes } from './node-provider-symmetric.ts';
import type { CryptoProvider } from './provider.ts';

/** The row of the Node provider. A group that OpenSSL does not know it tests for half a minute: BigInt takes a tenth of a second. */
export const nodeModp: Pick<CryptoProvider, 'modp'> = {
  modp(group, exponent = randomBytes(MODP_EXPONENT_LENGTH)) {
    if (!isKnownModpGroup(group)) return nobleProvider.modp(group, exponent);
    const length = byteLength(group.p);
    const dh = createDiffieHellman(
      integerToBytes(group.p, length),
      integerToBytes(group.g, byteLength(group.g)),
    );
    dh.setPrivateKey(exponent);
    return {
      publicKey: padded(dh.generateKeys(), length),
      agree(peerPublicKey) {
        const y = checkPublicValue(group, bytesToInteger(peerPublicKey));
        return plainBytes(dh.computeSecret(integerToBytes(y, length)));
      },
    };
  },
};

/** Node leaves leading zeros of a public value away, but not of a secret. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  return integerToBytes(bytesToInteger(bytes), length);
}
