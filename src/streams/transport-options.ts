/** What a transport is made of. */
import type { SchedulerLike } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Signer } from '../keys/signer.ts';
import type { GroupExchangeOptions } from '../transport/kex-method.ts';
import type { Proposal } from '../transport/negotiation.ts';
import type { RekeyLimits } from '../transport/rekey-policy.ts';
import type { Role } from '../transport/role.ts';
import type { KeyExchangeContext } from './key-exchange-context.ts';
import type { Tracer } from './trace.ts';

export type { Handshake, HandshakeTimings, HandshakeWarning } from './handshake.ts';

/** What a transport is made of. */
export interface TransportOptions {
  /** Which end we are. */
  readonly role: Role;
  /** Where the cryptography comes from. */
  readonly provider: CryptoProvider;
  /** What we offer, best first. */
  readonly proposal: Proposal;
  /** When we ask for new keys. */
  readonly rekey: RekeyLimits;
  /** Identification and first key exchange, in milliseconds; the time in which a host key is judged does not count. */
  readonly handshakeTimeout: number;
  /** A later key exchange, in milliseconds. */
  readonly rekeyTimeout: number;
  /** A server's host keys. */
  readonly hostKeys?: readonly Signer[];
  /** What a server gives in a group exchange (RFC 4419); the groups of RFC 3526 up to 4096 bits by default. */
  readonly groupExchange?: GroupExchangeOptions;
  /** Emits once to trust a server's host key; an error refuses it (client). Without it every key is refused. */
  readonly verifyHostKey?: KeyExchangeContext['verifyHostKey'];
  /** Sent as EXT_INFO behind the first NEWKEYS, to a peer that takes it (RFC 8308). */
  readonly extensions?: readonly { readonly name: string; readonly value: Uint8Array }[];
  /** Software version for our identification. */
  readonly software?: string;
  /** Where time comes from; a clock that nobody sets, by default. */
  readonly scheduler?: SchedulerLike;
  /** Receives what happens on the wire. */
  readonly trace?: Tracer;
}
