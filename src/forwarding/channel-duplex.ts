/** A channel that carries a connection (RFC 4254 §7.2), as the duplex that it stands for. */
import type { Observable } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions } from '../channels/channel-options.ts';
import type { SshError } from '../errors.ts';
import { lift } from '../operators/lift.ts';
import type { ByteDuplex, ByteStream, DuplexPeer } from '../streams/byte-duplex.ts';
import { connectionLost } from '../streams/ending.ts';

/**
 * How a channel that carries a connection is opened. What a socket reads at once is handed on at once: its bytes are passed on as they
 * are, and nothing is made of them that costs more than they do.
 */
export const CARRIER: ChannelOptions = { budget: 256 * 1024 };

/** The connection that a channel carries. */
export class ChannelDuplex implements ByteDuplex {
  /** Errors with `connection-lost` when the channel is closed without EOF: what has come need not be the whole. */
  readonly readable$: ByteStream;
  readonly closed$: Observable<SshError | undefined>;
  readonly peer?: DuplexPeer;
  readonly #channel: Channel;

  /** @param peer - whom the connection is for, as the peer has told it */
  constructor(channel: Channel, peer?: DuplexPeer) {
    this.#channel = channel;
    this.closed$ = channel.closed$;
    if (peer !== undefined) this.peer = peer;
    this.readable$ = channel.stdout$.pipe(
      lift((out) => ({
        next: (chunk) => out.next(chunk),
        complete: () => {
          if (channel.hasEof) out.complete();
          else out.error(connectionLost('the channel was closed without an end'));
        },
      })),
    );
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#channel.write(bytes, done);
  }

  offer(bytes: Uint8Array): number {
    return this.#channel.offer(bytes);
  }

  giveBack(chunk: Uint8Array): void {
    this.#channel.giveBack(chunk);
  }

  end(): void {
    this.#channel.end();
  }

  /** Says CLOSE, and no EOF unless `end` was called. */
  destroy(): void {
    this.#channel.destroy();
  }
}
