/** What `#crypto` is where there is no Node. */
import { nobleProvider } from './noble-provider.ts';
import type { CryptoProvider } from './provider.ts';
import { wasmChacha20 } from './wasm-chacha20.ts';
import { wasmPoly1305 } from './wasm-poly1305.ts';

/** The provider of this platform. */
export const defaultProvider: CryptoProvider = {
  ...nobleProvider,
  ...wasmChacha20(),
  ...wasmPoly1305(),
  bestCipher: 'chacha20-poly1305@openssh.com',
};
