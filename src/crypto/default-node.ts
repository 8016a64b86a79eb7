/** What `#crypto` is in Node. */
import { nodeProvider } from './node-provider.ts';
import type { CryptoProvider } from './provider.ts';

/** The provider of this platform. */
export const defaultProvider: CryptoProvider = nodeProvider;
