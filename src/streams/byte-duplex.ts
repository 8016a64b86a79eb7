/**
 * What a connection runs over: bytes both ways. A TCP socket is one, and so are a pair of web streams, a channel of another
 * connection, and each end of `memoryPair`.
 */
import type { Observable } from 'rxjs';
import { SshError } from '../errors.ts';

/** A stream of bytes. Its values carry credit when their source emits them with `deliver`. */
export type ByteStream = Observable<Uint8Array>;

/** Bytes in and bytes out, each side ended on its own. */
export interface ByteDuplex {
  /**
   * Bytes as they arrive, for one subscriber at a time; a second one gets an error. Bytes wait while there is none.
   * A chunk is *borrowed*: it is the duplex's again when `next` has returned and must be copied to be kept (what holds credit
   * in this package does). Completes when the peer has ended its side; errors with `connection-lost`.
   */
  readonly readable$: ByteStream;
  /**
   * Writes bytes, in the order of the calls. They belong to the duplex until it calls `done`; writing no more than a bounded
   * amount that is not done is how a writer keeps to the peer's pace. `done` comes once, also when the duplex fails.
   */
  write(bytes: Uint8Array, done: () => void): void;
  /**
   * Takes bytes from the front, now, and says how many; 0 is "wait", by {@link write}. They are the caller's again when it returns,
   * so that borrowed bytes need no copy. A duplex that would have to copy them itself has none.
   */
  offer?(bytes: Uint8Array): number;
  /** Takes back a chunk of `readable$` that nobody looks at any more, for a duplex that has a use for its memory. */
  giveBack?(chunk: Uint8Array): void;
  /** Ends our side, behind what was written. */
  end(): void;
  /**
   * Lets everything go at once; `readable$` emits no bytes any more and errors with `connection-lost`.
   *
   * @param error - the other end must not take what it has for the whole: TCP connections are reset
   */
  destroy(error?: SshError): void;
  /** Facts about the other end, where there are any: for messages and policies. */
  readonly peer?: DuplexPeer;
  /**
   * Emits once when nothing can go either way any more, with the error if there was one; replayed. What was received before may
   * still be read. A duplex that cannot tell has none.
   */
  readonly closed$?: Observable<SshError | undefined>;
}

/** Where the bytes come from. */
export interface DuplexPeer {
  /** IP address as text. */
  readonly address: string;
  /** TCP port. */
  readonly port: number;
  /** Where it has come to, at our end, when the duplex knows. */
  readonly local?: { readonly address: string; readonly port: number };
}

/** The error for a second subscriber of `readable$`. */
export function alreadyRead(): SshError<'config'> {
  return new SshError('config', 'readable$ of a duplex takes one subscriber at a time', {});
}
