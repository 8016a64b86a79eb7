/** A client's and a server's transport over a wire in memory. */
import { of, type Observable } from 'rxjs';
import { defaultProvider } from '#crypto';
import { CIPHERS } from '../../src/crypto/ciphers.ts';
import { MACS } from '../../src/crypto/macs.ts';
import { defaultNames } from '../../src/crypto/standing.ts';
import { generatePrivateKey } from '../../src/keys/private-key.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { memoryPair, type MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import { openTransport, type SshTransport } from '../../src/streams/transport.ts';
import type { TransportOptions } from '../../src/streams/transport-options.ts';
import type { Proposal } from '../../src/transport/negotiation.ts';
import { DEFAULT_REKEY_LIMITS } from '../../src/transport/rekey-policy.ts';
import { KEX_METHODS } from '../../src/transport/kex-methods.ts';

export const defaultProposal: Proposal = {
  kex: defaultNames(KEX_METHODS),
  hostKey: ['ssh-ed25519'],
  cipher: defaultNames(CIPHERS),
  mac: defaultNames(MACS),
  compression: ['none'],
};

export const hostKey: Signer = generatePrivateKey('ed25519');

export function clientOptions(more: Partial<TransportOptions> = {}): TransportOptions {
  return {
    role: 'client',
    provider: defaultProvider,
    proposal: defaultProposal,
    rekey: DEFAULT_REKEY_LIMITS,
    handshakeTimeout: 5_000,
    rekeyTimeout: 5_000,
    verifyHostKey: () => of(true),
    ...more,
  };
}

export function serverOptions(more: Partial<TransportOptions> = {}): TransportOptions {
  return { ...clientOptions(), role: 'server', hostKeys: [hostKey], ...more };
}

export function transportPair(
  wire: MemoryPairOptions = {},
  client: Partial<TransportOptions> = {},
  server: Partial<TransportOptions> = {},
): { client$: Observable<SshTransport>; server$: Observable<SshTransport> } {
  const [clientEnd, serverEnd] = memoryPair(wire);
  return {
    client$: openTransport(clientEnd, clientOptions(client)),
    server$: openTransport(serverEnd, serverOptions(server)),
  };
}
