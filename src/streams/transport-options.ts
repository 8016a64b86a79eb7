/** What a transport is made of, and what its handshake comes to. */
import type { SchedulerLike } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Signer } from '../keys/signer.ts';
import type { Tracer } from '../trace.ts';
import type { Algorithms, Proposal } from '../transport/negotiation.ts';
import type { RekeyLimits } from '../transport/rekey-policy.ts';
import type { Role } from '../transport/role.ts';
import type { HostKeyClaim, KeyExchangeContext } from './key-exchange-context.ts';

/** What a transport is made of. */
export interface TransportOptions {
  readonly role: Role;
  readonly provider: CryptoProvider;
  readonly proposal: Proposal;
  readonly rekey: RekeyLimits;
  /** Identification and first key exchange, in milliseconds; the time in which a host key is judged does not count. */
  readonly handshakeTimeout: number;
  /** A later key exchange, in milliseconds. */
  readonly rekeyTimeout: number;
  /** A server's host keys. */
  readonly hostKeys?: readonly Signer[];
  /** Emits once to trust a server's host key; an error refuses it (client). Without it every key is refused. */
  readonly verifyHostKey?: KeyExchangeContext['verifyHostKey'];
  /** Sent as EXT_INFO behind the first NEWKEYS, to a peer that takes it (RFC 8308). */
  readonly extensions?: readonly { readonly name: string; readonly value: Uint8Array }[];
  /** Software version for our identification. */
  readonly software?: string;
  readonly scheduler?: SchedulerLike;
  readonly trace?: Tracer;
}

/** What a handshake has come to. */
export interface Handshake {
  readonly ownIdentification: string;
  readonly peerIdentification: string;
  readonly sessionId: Uint8Array;
  readonly algorithms: Algorithms;
  readonly strictKeyExchange: boolean;
  /** The server's key (client only). */
  readonly hostKey?: HostKeyClaim;
}
