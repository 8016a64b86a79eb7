/** The Node provider keeps the contract. */
import { nodeProvider } from '../../src/crypto/node-provider.ts';
import { cryptoProviderContract } from '../contract/crypto-provider.ts';

cryptoProviderContract(nodeProvider);
