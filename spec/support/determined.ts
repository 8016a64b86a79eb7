/** Crypto without chance: the same bytes on the wire every time. */
import { defaultProvider } from '#crypto';
import type { CryptoProvider } from '../../src/crypto/provider.ts';

/** A provider whose random bytes follow from `seed`. For nothing but specs. */
export function determinedProvider(seed: number): CryptoProvider {
  let drawn = 0;
  const draw = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const counter = Uint8Array.of(seed, drawn >>> 16, drawn >>> 8, drawn++);
      bytes.set(defaultProvider.hash('sha256', [counter]).subarray(0, length - at), at);
    }
    return bytes;
  };
  return {
    ...defaultProvider,
    name: `determined by ${String(seed)}`,
    randomBytes: draw,
    x25519: (privateKey) => defaultProvider.x25519(privateKey ?? draw(32)),
    mlkem768: (seedBytes) => defaultProvider.mlkem768(seedBytes ?? draw(64)),
    mlkem768Encapsulate: (publicKey, random) =>
      defaultProvider.mlkem768Encapsulate(publicKey, random ?? draw(32)),
  };
}
