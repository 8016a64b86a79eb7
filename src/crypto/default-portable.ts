/** What `#crypto` is where there is no Node. */
import { nobleProvider } from './noble-provider.ts';
import type { CryptoProvider } from './provider.ts';
import { wasmPoly1305 } from './wasm-poly1305.ts';

/** The provider of this platform. */
export const defaultProvider: CryptoProvider = { ...nobleProvider, ...wasmPoly1305() };
