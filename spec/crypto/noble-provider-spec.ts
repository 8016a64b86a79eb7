/** The portable provider keeps the contract. */
import { nobleProvider } from '../../src/crypto/noble-provider.ts';
import { cryptoProviderContract } from '../contract/crypto-provider.ts';

cryptoProviderContract(nobleProvider);
