/** Our client against a server on npm ssh2. */
import { describe } from '@jest/globals';
import { describeCoreCases } from '../support/peers/core-cases.ts';
import { usePeer } from '../support/peers/peer.ts';
import { startSsh2 } from '../support/peers/ssh2-server.ts';

describe('npm ssh2', () => {
  describeCoreCases(usePeer(startSsh2));
});
