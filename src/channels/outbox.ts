/** The sending side of one channel: data within the peer's window and packet size, at the pace of the transport. */
import { byteSink, type ByteSink, type SinkTarget } from '../streams/byte-sink.ts';
import type { SshTransport } from '../streams/transport.ts';
import { Fifo } from '../wire/fifo.ts';
import { MAXIMUM_PACKET, SendWindow } from './window.ts';

/** Sends the data of one channel. */
export class Outbox {
  readonly #transport: SshTransport;
  readonly #waiting = new Fifo<() => void>();
  readonly #writes = new Fifo<{ bytes: Uint8Array; readonly done: () => void }>();
  #recipientChannel = 0;
  #window = new SendWindow(0);
  #maximumPacket = 0;
  #isOpen = false;
  #isWriting = false;
  #lastSent = 0;

  constructor(transport: SshTransport) {
    this.#transport = transport;
  }

  /** When data was sent last, by the transport's clock; 0 when none was. */
  get lastSent(): number {
    return this.#lastSent;
  }

  /** Writes that wait for the window. */
  get hasWrites(): boolean {
    return this.#writes.length > 0;
  }

  /** The peer's numbers are known: data may be sent. */
  open(recipientChannel: number, windowSize: number, maximumPacketSize: number): void {
    this.#recipientChannel = recipientChannel;
    this.#window = new SendWindow(windowSize);
    this.#maximumPacket = Math.min(maximumPacketSize, MAXIMUM_PACKET);
    this.#isOpen = true;
    this.#resume();
  }

  /** WINDOW_ADJUST. Throws `protocol` past 2³²−1. */
  adjust(bytes: number): void {
    this.#window.adjust(bytes);
    this.#resume();
  }

  /** No more data is sent: what waits to be written is done with. */
  close(): void {
    this.#isOpen = false;
    this.#waiting.clear();
    for (const { done } of this.#writes.takeAll()) done();
  }

  /**
   * Sends what one packet takes.
   *
   * @param dataType - type of extended data (RFC 4254 §5.2); `undefined` for plain data
   * @returns bytes that were taken from the front; 0 when it has to wait
   */
  accept(bytes: Uint8Array, dataType?: number): number {
    if (!this.#isOpen || !this.#transport.isWritable) return 0;
    const length = Math.min(bytes.length, this.#window.remaining, this.#maximumPacket);
    if (length === 0) return 0;
    this.#window.use(length);
    this.#lastSent = this.#transport.scheduler.now();
    const data = bytes.subarray(0, length);
    const recipientChannel = this.#recipientChannel;
    this.#transport.send(
      dataType === undefined
        ? { type: 'CHANNEL_DATA', recipientChannel, data }
        : { type: 'CHANNEL_EXTENDED_DATA', recipientChannel, dataTypeCode: dataType, data },
    );
    return length;
  }

  /** A sink for plain data, or for extended data of a type; what becomes of the channel is its owner's business. */
  sink(
    dataType: number | undefined,
    { end, abort, closed$ }: Pick<SinkTarget, 'end' | 'abort' | 'closed$'>,
  ): ByteSink {
    return byteSink({
      end,
      abort,
      closed$,
      accept: (bytes) => this.accept(bytes, dataType),
      whenReady: (resume) => this.whenReady(resume),
    });
  }

  /** Calls back once when `accept` may take something again. */
  whenReady(resume: () => void): void {
    if (this.#isOpen && this.#window.remaining > 0) this.#transport.whenWritable(resume);
    else this.#waiting.push(resume);
  }

  /**
   * Sends what the window, the packets and the transport take now, unless others wait to be written; whose the bytes are
   * again when it returns.
   *
   * @returns bytes that were taken from the front
   */
  offer(bytes: Uint8Array): number {
    if (this.hasWrites) return 0;
    let rest = bytes;
    let isNow = true;
    // one task, one write of the transport; a queue that is running would come to it too late
    this.#transport.run(() => {
      for (let taken = 1; isNow && taken > 0; rest = rest.subarray(taken))
        taken = this.accept(rest);
    });
    isNow = false;
    return bytes.length - rest.length;
  }

  /** Writes bytes in the order of the calls; `done` is called when the last of them was sent. */
  write(bytes: Uint8Array, done: () => void): void {
    this.#writes.push({ bytes, done });
    // who writes again when told that it is done has a writer already: each one more would ask at every adjust
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#transport.run(() => this.#writeOn());
  }

  #writeOn(): void {
    for (;;) {
      const write = this.#writes.peek();
      if (write === undefined) {
        this.#isWriting = false;
        return;
      }
      if (write.bytes.length > 0) {
        const taken = this.accept(write.bytes);
        if (taken === 0) {
          this.whenReady(() => this.#writeOn());
          return;
        }
        write.bytes = write.bytes.subarray(taken);
      }
      if (write.bytes.length > 0) continue;
      this.#writes.shift();
      write.done();
    }
  }

  #resume(): void {
    if (this.#window.remaining === 0) return;
    for (const resume of this.#waiting.takeAll()) this.#transport.run(resume);
  }
}
