/** A pair of web streams as a byte duplex: WebTransport, WebSocketStream, whatever a browser has. */
import { Observable, type Subscriber } from 'rxjs';
import { deliver, outsideDelivery } from '../operators/credit.ts';
import { alreadyRead, type ByteDuplex } from './byte-duplex.ts';
import { connectionLost } from './ending.ts';

/** What is read from and written to. */
export interface WebStreams {
  /** `WebSocketStream` gives buffers. */
  readonly readable: ReadableStream<Uint8Array | ArrayBuffer>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * Makes a byte duplex of a readable and a writable web stream.
 *
 * 1. Both streams are locked at once. One read is asked for at a time, the next when the credit of the chunk has returned.
 * 2. A write is done when the stream's promise says so, or when it fails. Bytes are copied: a stream may keep or transfer
 *    what it was given.
 * 3. `end` closes the writable side; `destroy` cancels the one and aborts the other.
 *
 * @example
 * ```ts
 * connect({ duplex: webDuplex(await webTransport.createBidirectionalStream()), host: 'db1', user: 'deploy' });
 * ```
 */
export function webDuplex(streams: WebStreams): ByteDuplex {
  const reader = new WebReader(streams.readable.getReader());
  const writer = streams.writable.getWriter();
  const writing = new Set<() => void>();
  let isEnded = false;
  // a stream that fails with nobody writing is heard of on the reading side, if at all
  writer.closed.catch(nothing);
  writer.ready.catch(nothing);
  return {
    readable$: reader.readable$,
    write(bytes, done): void {
      if (isEnded) {
        done();
        return;
      }
      const written = (): void => {
        if (writing.delete(written)) done();
      };
      writing.add(written);
      writer.write(new Uint8Array(bytes)).then(written, written);
    },
    end(): void {
      if (isEnded) return;
      isEnded = true;
      writer.close().catch(nothing);
    },
    destroy(): void {
      isEnded = true;
      reader.destroy();
      writer.abort().catch(nothing);
      // an aborted stream may still wait for the write that is going on
      for (const written of [...writing]) written();
    },
  };
}

type ReadResult = Awaited<
  ReturnType<ReadableStreamDefaultReader<Uint8Array | ArrayBuffer>['read']>
>;

class WebReader {
  readonly readable$ = new Observable<Uint8Array>((out) => this.#read(out));
  readonly #reader: ReadableStreamDefaultReader<Uint8Array | ArrayBuffer>;
  #out: Subscriber<Uint8Array> | undefined;
  /** A read that a subscriber has left behind: its chunk is for the next one. */
  #asked: Promise<ReadResult> | undefined;
  #isDestroyed = false;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array | ArrayBuffer>) {
    this.#reader = reader;
    reader.closed.catch(nothing);
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#reader.cancel().catch(nothing);
    this.#out?.error(connectionLost(new Error('destroyed')));
  }

  #read(out: Subscriber<Uint8Array>): void {
    if (this.#out !== undefined) {
      out.error(alreadyRead());
      return;
    }
    if (this.#isDestroyed) {
      out.error(connectionLost(new Error('destroyed')));
      return;
    }
    this.#out = out;
    out.add(() => (this.#out = undefined));
    this.#ask(out);
  }

  #ask(out: Subscriber<Uint8Array>): void {
    const asked = (this.#asked ??= this.#reader.read());
    asked.then(
      (result) => {
        if (out.closed) return;
        this.#asked = undefined;
        this.#arrive(out, result);
      },
      (error: unknown) => {
        if (!out.closed) out.error(connectionLost(error));
      },
    );
  }

  #arrive(out: Subscriber<Uint8Array>, result: ReadResult): void {
    if (result.done) {
      out.complete();
      return;
    }
    const { value } = result;
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    deliver(out, bytes, () => {
      if (!out.closed) outsideDelivery(() => this.#ask(out));
    });
  }
}

function nothing(): void {
  // heard of elsewhere
}
