/** What a key exchange needs of the connection that it runs on. */
import type { ObservableInput, SchedulerLike } from 'rxjs';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/public-key.ts';
import type { Signer } from '../keys/signer.ts';
import type { Message } from '../messages/catalogue.ts';
import type { Inbound, Outbound } from '../transport/direction.ts';
import type { GroupExchangeOptions } from '../transport/kex-method.ts';
import type { KexStep } from '../transport/kex-state.ts';
import type { Proposal } from '../transport/negotiation.ts';
import type { Role } from '../transport/role.ts';

/** The host key that a server has proven to hold; whether it is to be trusted is for the caller to say. */
export interface HostKeyClaim {
  /** The server's public key. */
  readonly key: PublicKey;
  /** The signature algorithm that was negotiated. */
  readonly algorithm: string;
}

/** The transport whose keys are exchanged. */
interface KeyedTransport {
  /** Where time comes from. */
  readonly scheduler: SchedulerLike;
  send(message: Message): void;
  /** Runs a task on the connection's queue. */
  run(task: () => void): void;
  fail(error: SshError): void;
}

/** What a key exchange needs of its connection. */
export interface KeyExchangeContext {
  readonly transport: KeyedTransport;
  readonly role: Role;
  readonly provider: CryptoProvider;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly proposal: Proposal;
  /** What a server gives in a group exchange. */
  readonly groupExchange: GroupExchangeOptions;
  /** Signers of a server's host keys. */
  readonly hostKeys: readonly Signer[];
  /** Emits once when the key is trusted; an error refuses it. */
  verifyHostKey(claim: HostKeyClaim): ObservableInput<unknown>;
  identifications(): { readonly own: Uint8Array; readonly peer: Uint8Array };
  /** Called behind our NEWKEYS, before what was held leaves. */
  beforeRelease(initial: boolean): void;
  /** The exchange has got somewhere: for traces and deadlines. */
  stepped(step: KexStep): void;
  completed(initial: boolean): void;
}
