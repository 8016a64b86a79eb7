/**
 * Writes a stream into a file: chunks are gathered into WRITEs as large as the server takes, issued in the order of the file,
 * many of them on their way.
 */
import { NEVER, Observable, type Subscriber } from 'rxjs';
import { SshError } from '../../errors.ts';
import type { ByteInput } from '../../operators/to-byte-stream.ts';
import { byteSink, type PumpOptions, type SinkTarget } from '../../streams/byte-sink.ts';
import { Fifo } from '../../wire/fifo.ts';
import { FlightBudget } from './flight-budget.ts';
import { Output } from './output.ts';
import { putWriteHead, type ReplyPacket, writeHeadLength } from '../packets.ts';
import type { RemoteHandle } from './remote-handle.ts';
import { isStatus, refusal } from './requests.ts';
import type { PendingRequest } from './client-session.ts';
import { StatusCode } from '../status.ts';

/** Where a stream is written to. */
export interface WritePosition {
  /** Position of the first byte; 0 by default. */
  readonly start?: number;
  /** The file is open to append: the server puts each WRITE at its end, so none may be sent twice. */
  readonly isAppending?: boolean;
}

/** Most bytes on their way for one file. */
const MOST_IN_FLIGHT = 16 * 1024 * 1024;
/** Most WRITEs on their way, however small the server wants them. */
const MOST_WRITES = 512;

/**
 * Writes all of a source into an open file. Emits the bytes taken from the source so far; completes when the server has
 * confirmed the last of them. See `SftpClient.write`.
 *
 * @param sent - called when the last WRITE is on its way and nothing is beside it, so that it is not going to be sent again
 */
export function pumpIntoFile(
  handle: RemoteHandle,
  source: ByteInput,
  position: WritePosition = {},
  { highWaterMark }: PumpOptions = {},
  sent: () => void = nothing,
): Observable<number> {
  return new Observable((out) => {
    const writer = new FileWriter(handle, position, out, sent);
    const options = highWaterMark === undefined ? {} : { highWaterMark };
    const pumping = byteSink(writer)
      .pump(source, options)
      .subscribe({
        next: (taken) => out.next(taken),
        error: (error: unknown) => writer.failed(error),
        // the last one is confirmed when the writer says so
      });
    out.add(pumping);
  });
}

class FileWriter implements SinkTarget {
  /** Errors go to whoever pumps, with their own kind. */
  readonly closed$ = NEVER;
  readonly #handle: RemoteHandle;
  readonly #out: Output<number>;
  readonly #sent: () => void;
  readonly #isAppending: boolean;
  readonly #budget: FlightBudget;
  readonly #writeLength: number;
  readonly #headLength: number;
  /** Buffers that are free again. */
  readonly #free: Uint8Array[] = [];
  /** Blocks to be sent again, one at a time: the server has refused them beside others. */
  readonly #refused = new Fifo<Block>();
  /** Is filled with what comes. */
  #open: Block | undefined;
  #position: number;
  #inFlight = 0;
  #bytesInFlight = 0;
  #hasSentSideBySide = false;
  #isOneByOne = false;
  #isEnding = false;
  #resume: (() => void) | undefined;

  constructor(
    handle: RemoteHandle,
    { start = 0, isAppending = false }: WritePosition,
    out: Subscriber<number>,
    sent: () => void,
  ) {
    if (!Number.isSafeInteger(start) || start < 0)
      throw new SshError('config', `a file cannot be written from ${String(start)}`, {
        option: 'start',
      });
    this.#handle = handle;
    this.#out = new Output(out);
    this.#sent = sent;
    this.#position = start;
    this.#isAppending = isAppending;
    this.#writeLength = handle.session.limits.writeLength;
    this.#headLength = writeHeadLength(handle.bytes);
    this.#budget = new FlightBudget(this.#writeLength, MOST_IN_FLIGHT);
  }

  accept(bytes: Uint8Array): number {
    if (this.#out.isOver()) return 0;
    this.#open ??= this.#newBlock(bytes.length);
    const taken = this.#open.fill(bytes);
    this.#sendOpen();
    return taken;
  }

  whenReady(resume: () => void): void {
    this.#resume = resume;
  }

  end(): void {
    this.#isEnding = true;
    this.#sendOpen();
    this.#finishWhenConfirmed();
  }

  abort(): void {
    // the pump errors, and whoever has opened the file closes it
  }

  /** An answer has come for a block. */
  answered(block: Block, reply: ReplyPacket): void {
    this.#inFlight--;
    if (this.#out.isOver()) return;
    if (!isStatus(reply, StatusCode.OK)) this.#refuses(block, reply);
    else this.#confirmed(block);
    if (this.#out.isOver()) return;
    this.#sendOn();
    this.#finishWhenConfirmed();
  }

  /** The source, or the session, has failed. */
  failed(error: unknown): void {
    this.#out.error(error);
  }

  /** The first block of a small file is as small: it leaves at once, and 255 KiB for each would cost more than all the rest. */
  #newBlock(length: number): Block {
    const room = this.#inFlight === 0 ? Math.min(length, this.#writeLength) : this.#writeLength;
    const buffer = this.#free.pop() ?? new Uint8Array(this.#headLength + room);
    return new Block(this, buffer, this.#headLength, this.#position);
  }

  /** Sends what was gathered when it is a whole block, or the last one, or when nothing else is on its way to wait for. */
  #sendOpen(): void {
    const block = this.#open;
    if (block === undefined || !this.#maySend(block)) return;
    if (this.#inFlight > 0 && !this.#isEnding && !block.isFull) return;
    this.#open = undefined;
    this.#position += block.length;
    this.#bytesInFlight += block.length;
    this.#send(block);
  }

  #maySend(block: Block): boolean {
    if (this.#inFlight === 0) return true;
    if (this.#isOneByOne || this.#inFlight >= MOST_WRITES) return false;
    return this.#bytesInFlight + block.length <= this.#budget.bytes;
  }

  #send(block: Block): void {
    const { session } = this.#handle;
    this.#inFlight++;
    this.#hasSentSideBySide ||= this.#inFlight > 1;
    block.sentAt = session.scheduler.now();
    try {
      session.send(block, (id) => block.encode(id, this.#handle.bytes));
    } catch (thrown) {
      // the handle was closed meanwhile
      this.#out.error(thrown);
    }
  }

  #confirmed(block: Block): void {
    const { scheduler } = this.#handle.session;
    this.#bytesInFlight -= block.length;
    this.#budget.answered(block.length, block.sentAt, scheduler.now());
    if (block.buffer.length === this.#headLength + this.#writeLength) this.#free.push(block.buffer);
  }

  /** A server that does one thing at a time may have refused it for what was sent beside it: it is sent once more, alone. */
  #refuses(block: Block, reply: ReplyPacket): void {
    const maySendAgain = this.#hasSentSideBySide && !this.#isAppending && !block.isSecondTry;
    if (!isStatus(reply, StatusCode.FAILURE) || !maySendAgain) {
      const operation = this.#handle.operation('write');
      const { position } = block;
      // the server knows where it appends
      this.#out.error(refusal(this.#isAppending ? operation : { ...operation, position }, reply));
      return;
    }
    this.#isOneByOne = true;
    block.isSecondTry = true;
    this.#refused.push(block);
  }

  #sendOn(): void {
    const refused = this.#inFlight === 0 ? this.#refused.shift() : undefined;
    if (refused !== undefined) this.#send(refused);
    this.#sendOpen();
    if (this.#open?.isFull === true) return;
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  #finishWhenConfirmed(): void {
    if (!this.#isEnding || this.#open !== undefined) return;
    if (this.#bytesInFlight === 0) this.#out.complete();
    else if (!this.#hasSentSideBySide) this.#sent();
  }
}

/** One WRITE: a buffer with room for its head, and its data. It is kept until the answer. */
class Block implements PendingRequest {
  readonly buffer: Uint8Array;
  length = 0;
  sentAt = 0;
  isSecondTry = false;
  readonly #writer: FileWriter;
  readonly #headLength: number;
  readonly position: number;

  constructor(writer: FileWriter, buffer: Uint8Array, headLength: number, position: number) {
    this.#writer = writer;
    this.buffer = buffer;
    this.#headLength = headLength;
    this.position = position;
  }

  get isFull(): boolean {
    return this.#headLength + this.length === this.buffer.length;
  }

  /** Takes bytes from the front; says how many. */
  fill(bytes: Uint8Array): number {
    const at = this.#headLength + this.length;
    const taken = bytes.subarray(0, this.buffer.length - at);
    this.buffer.set(taken, at);
    this.length += taken.length;
    return taken.length;
  }

  encode(id: number, handle: Uint8Array): Uint8Array {
    putWriteHead(this.buffer, id, handle, this.position, this.length);
    return this.buffer.subarray(0, this.#headLength + this.length);
  }

  answer(reply: ReplyPacket): void {
    this.#writer.answered(this, reply);
  }

  fail(error: SshError): void {
    this.#writer.failed(error);
  }
}

function nothing(): void {
  // most wait until all is confirmed
}
