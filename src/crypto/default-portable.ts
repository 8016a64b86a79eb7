/** What `#crypto` is where there is no Node. */
import { nobleProvider } from './noble-provider.ts';
import type { CryptoProvider } from './provider.ts';

/** The provider of this platform. */
export const defaultProvider: CryptoProvider = nobleProvider;
