/** The contract of a `CryptoProvider`: call it in a spec, once for each provider. */
import { describe } from '@jest/globals';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { cbcContract } from './crypto-cbc.ts';
import { keyExchangeContract } from './crypto-key-exchange.ts';
import { rsaContract } from './crypto-rsa.ts';
import { signatureContract } from './crypto-signatures.ts';
import { symmetricContract } from './crypto-symmetric.ts';

/** Runs the whole contract over one provider. */
export function cryptoProviderContract(provider: CryptoProvider): void {
  describe(`crypto provider: ${provider.name}`, () => {
    symmetricContract(provider);
    cbcContract(provider);
    keyExchangeContract(provider);
    signatureContract(provider);
    rsaContract(provider);
  });
}
