/** A channel that carries a connection (RFC 4254 §7.2), as the duplex that it stands for. */
import { Observable, type Subscriber } from 'rxjs';
import type { Channel } from '../channels/channel.ts';
import type { ChannelOptions } from '../channels/channel-options.ts';
import type { SshError } from '../errors.ts';
import { deliver, holdCredit, type Release } from '../operators/credit.ts';
import {
  alreadyRead,
  type ByteDuplex,
  type ByteStream,
  type DuplexPeer,
} from '../streams/byte-duplex.ts';
import { connectionLost } from '../streams/ending.ts';
import { Fifo } from '../wire/fifo.ts';

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
    const reading = new Reading(channel);
    this.readable$ = new Observable((reader) => reading.by(reader));
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

/** The one subscription to what a channel has received, for one reader after the other. */
class Reading {
  readonly #channel: Channel;
  /** Came when nobody was there; at most the budget of the channel, whose credit it holds. */
  readonly #waiting = new Fifo<{ readonly chunk: Uint8Array; readonly release: Release }>();
  #reader: Subscriber<Uint8Array> | undefined;
  #isStarted = false;
  #end: { readonly error?: unknown } | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  by(reader: Subscriber<Uint8Array>): void {
    if (this.#reader !== undefined) {
      reader.error(alreadyRead());
      return;
    }
    this.#reader = reader;
    reader.add(() => (this.#reader = undefined));
    this.#start();
    this.#handOver(reader);
  }

  #start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the channel
    this.#channel.stdout$.subscribe({
      next: (chunk) => {
        if (this.#reader !== undefined && this.#waiting.length === 0) this.#reader.next(chunk);
        else this.#waiting.push({ chunk, release: holdCredit() });
      },
      error: (error: unknown) => this.#ended({ error }),
      complete: () => this.#ended(this.#channel.hasEof ? {} : { error: closedWithoutEnd() }),
    });
  }

  #handOver(reader: Subscriber<Uint8Array>): void {
    while (!reader.closed) {
      const first = this.#waiting.shift();
      if (first === undefined) break;
      deliver(reader, first.chunk, first.release);
    }
    if (this.#end !== undefined) this.#ended(this.#end);
  }

  #ended(end: { readonly error?: unknown }): void {
    this.#end = end;
    if (this.#waiting.length > 0) return;
    if ('error' in end) this.#reader?.error(end.error);
    else this.#reader?.complete();
  }
}

function closedWithoutEnd(): SshError<'connection-lost'> {
  return connectionLost('the channel was closed without an end');
}
