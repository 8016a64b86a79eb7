/** What a transport is made of, and what its handshake comes to. */
import type { SchedulerLike } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Signer } from '../keys/signer.ts';
import type { Tracer } from '../trace.ts';
import type { GroupExchangeOptions } from '../transport/kex-method.ts';
import type { Algorithms, Proposal } from '../transport/negotiation.ts';
import type { RekeyLimits } from '../transport/rekey-policy.ts';
import type { Role } from '../transport/role.ts';
import type { HostKeyClaim, KeyExchangeContext } from './key-exchange-context.ts';

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
  /** Where time comes from; rxjs's `asyncScheduler` by default. */
  readonly scheduler?: SchedulerLike;
  /** Receives what happens on the wire. */
  readonly trace?: Tracer;
}

/** What a handshake has come to. */
export interface Handshake {
  /** Our identification line (RFC 4253 §4.2), without CR LF. */
  readonly ownIdentification: string;
  /** The peer's, made safe to show. */
  readonly peerIdentification: string;
  /** H of the first key exchange (RFC 4253 §7.2): what signatures and forwarded agents are bound to. */
  readonly sessionId: Uint8Array;
  /** What was agreed on. */
  readonly algorithms: Algorithms;
  /** Whether both sides keep to strict key exchange (OpenSSH PROTOCOL 1.9), which Terrapin (CVE-2023-48795) cannot get around. */
  readonly strictKeyExchange: boolean;
  /**
   * Whether somebody in between could have cut off the first messages of the session: with a peer that does not know strict key
   * exchange, under chacha20-poly1305. Who minds that disconnects, or leaves the cipher out of `algorithms`.
   */
  readonly isOpenToTerrapin: boolean;
  /**
   * Whether the key exchange withstands quantum computers, as far as is known. When it does not, who records the session today may
   * read it when he has one; who minds that disconnects, or names post-quantum methods alone in `algorithms`.
   */
  readonly isPostQuantum: boolean;
  /** The server's key (client only). */
  readonly hostKey?: HostKeyClaim;
}
