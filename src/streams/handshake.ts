/** What a handshake has come to. */
import type { SchedulerLike } from 'rxjs';
import { escapeText } from '../errors.ts';
import type { Identification } from '../transport/identification.ts';
import { isPostQuantum } from '../transport/kex-methods.ts';
import { type Algorithms, isOpenToTerrapin } from '../transport/negotiation.ts';
import { legacyNames } from '../transport/proposal.ts';
import type { HostKeyClaim } from './key-exchange-context.ts';

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
  /** Agreed algorithms that are weak: none, unless they were named in `algorithms`. */
  readonly legacy: readonly string[];
  /** The server's key (client only). */
  readonly hostKey?: HostKeyClaim;
  /** How long it took: the first one, if keys have changed since. */
  readonly timings: HandshakeTimings;
}

/** What is weak about what was agreed on: a word for programs, and words for people. */
export interface HandshakeWarning {
  readonly warning: 'terrapin' | 'not-post-quantum' | 'legacy';
  readonly message: string;
}

/** How long the parts of a handshake took, in milliseconds, by a clock that nobody sets. */
export interface HandshakeTimings {
  /** From the beginning to the peer's identification line. */
  readonly identification: number;
  /** From there to the first keys: key exchange and the verdict on the host key. */
  readonly keyExchange: number;
}

/** Takes the times of a handshake. */
export class HandshakeClock {
  readonly #scheduler: SchedulerLike;
  readonly #began: number;
  #identification = 0;
  #keyExchange = 0;

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
    this.#began = scheduler.now();
  }

  get timings(): HandshakeTimings {
    return { identification: this.#identification, keyExchange: this.#keyExchange };
  }

  /** The peer's line is there. */
  identified(): void {
    this.#identification = this.#scheduler.now() - this.#began;
  }

  /** The first keys are in use. */
  keyed(): void {
    this.#keyExchange = this.#scheduler.now() - this.#began - this.#identification;
  }
}

/** What a transport knows when keys are in use. */
export interface HandshakeFacts {
  readonly own: Uint8Array;
  readonly peer: Identification | undefined;
  readonly sessionId: Uint8Array;
  readonly algorithms: Algorithms;
  readonly hostKey: HostKeyClaim | undefined;
  readonly strict: boolean;
  readonly timings: HandshakeTimings;
}

/** What to warn of: nothing where all that was agreed on is as good as it is by default. */
export function warningsOf(handshake: Handshake): readonly HandshakeWarning[] {
  const { isOpenToTerrapin, isPostQuantum, legacy } = handshake;
  const warnings: HandshakeWarning[] = [];
  if (isOpenToTerrapin) {
    const message = 'no strict key exchange, under a cipher that needs it (Terrapin)';
    warnings.push({ warning: 'terrapin', message });
  }
  if (!isPostQuantum) {
    const message = 'the key exchange is not safe from quantum computers';
    warnings.push({ warning: 'not-post-quantum', message });
  }
  if (legacy.length > 0)
    warnings.push({ warning: 'legacy', message: `weak algorithms: ${legacy.join(', ')}` });
  return warnings;
}

/** The record of a handshake. */
export function handshakeOf(facts: HandshakeFacts): Handshake {
  const { own, peer, sessionId, algorithms, hostKey, strict, timings } = facts;
  return {
    ownIdentification: new TextDecoder().decode(own),
    peerIdentification: escapeText(peer?.text ?? ''),
    sessionId,
    algorithms,
    strictKeyExchange: strict,
    isOpenToTerrapin: isOpenToTerrapin(algorithms, strict),
    isPostQuantum: isPostQuantum(algorithms.kex),
    legacy: legacyNames(algorithms),
    ...(hostKey === undefined ? {} : { hostKey }),
    timings,
  };
}
