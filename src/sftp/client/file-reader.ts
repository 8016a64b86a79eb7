/**
 * Reads a file as a stream: many READs on their way, answers put in order, and never more asked for than the consumer has
 * credit for.
 */
import { Observable, type Subscriber } from 'rxjs';
import { protocolError, SshError } from '../../errors.ts';
import type { ByteStream } from '../../streams/byte-duplex.ts';
import { weigh } from '../../wire/ballast.ts';
import { Fifo } from '../../wire/fifo.ts';
import { FlightBudget } from './flight-budget.ts';
import { Output } from './output.ts';
import { limits } from '../extensions.ts';
import { encodeRead, type ReplyPacket } from '../packets.ts';
import type { RemoteHandle } from './remote-handle.ts';
import { isStatus, refusal } from './requests.ts';
import type { PendingRequest } from './client-session.ts';
import { StatusCode } from '../status.ts';

/** Which part of a file is read. */
export interface ReadRange {
  /** Position of the first byte; 0 by default. */
  readonly start?: number;
  /** Position behind the last byte, as with `slice`; the end of the file by default. */
  readonly end?: number;
  /**
   * Where the file is said to end. Never relied on alone: the end of a file of one block is asked for together with the block,
   * which saves a round trip when it is true. A server that tells its limits gives what it has within them: a byte more is asked
   * of it, and none is the end.
   */
  readonly expected?: number;
}

type CheckedRange = Required<Pick<ReadRange, 'start' | 'end'>> & Pick<ReadRange, 'expected'>;

/** Most bytes on their way for one file: what a window of 16 MiB lets through. */
const MOST_IN_FLIGHT = 16 * 1024 * 1024;
/** Most blocks that are asked for and not handed on, however small the server wants them. */
const MOST_BLOCKS = 512;
/** As long as more of the budget is in use, nothing is asked for. */
const LEAST_FULL = 0.75;
/** Empty answers in a row that a server may give for one block, where it should say EOF. */
const MOST_EMPTY = 4;

/**
 * The bytes of an open file. See `SftpClient.read` for the promises.
 */
export function fileBytes(handle: RemoteHandle, range: ReadRange = {}): ByteStream {
  return new Observable((out) => {
    new FileReader(handle, checkedRange(range), out).ask();
  });
}

function checkedRange({
  start = 0,
  end = Number.MAX_SAFE_INTEGER,
  expected,
}: ReadRange): CheckedRange {
  if (Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(end) && end >= start)
    return expected === undefined ? { start, end } : { start, end, expected };
  const message = `a file cannot be read from ${String(start)} to ${String(end)}`;
  throw new SshError('config', message, { option: 'start, end' });
}

class FileReader {
  readonly #handle: RemoteHandle;
  readonly #out: Output<Uint8Array>;
  readonly #budget: FlightBudget;
  readonly #blockLength: number;
  /** Blocks that were asked for and not yet handed on whole, in the order of the file. */
  readonly #blocks = new Fifo<Block>();
  /** Blocks to be asked for again, one at a time: the server has refused them beside others. */
  readonly #refused = new Fifo<Block>();
  /** Asked for, and not yet given back by the consumer. */
  #outstanding = 0;
  #inFlight = 0;
  /** Where the next block begins, and where the last one ends. */
  #next: number;
  #end: number;
  /** Where the first block ends, because the file may end there. */
  readonly #firstEnd: number;
  /** What comes short of what was asked for ends the file, when it ends here. */
  readonly #shortEnd: number | undefined;
  #hasAskedSideBySide = false;
  #isOneByOne = false;
  #isHandingOn = false;

  constructor(
    handle: RemoteHandle,
    { start, end, expected = start }: CheckedRange,
    out: Subscriber<Uint8Array>,
  ) {
    this.#handle = handle;
    this.#out = new Output(out);
    this.#next = start;
    this.#end = end;
    this.#blockLength = handle.session.limits.readLength;
    const isOneBlock = expected > start && expected - start <= this.#blockLength;
    const hasRoom = expected - start < this.#blockLength;
    const isOneRead = isOneBlock && hasRoom && handle.session.supports(limits);
    this.#shortEnd = isOneRead ? expected : undefined;
    this.#firstEnd = isOneBlock ? expected + (isOneRead ? 1 : 0) : start;
    // two blocks when the end is asked for beside the first
    const beside = isOneBlock && !isOneRead ? expected - start : 0;
    this.#budget = new FlightBudget(this.#blockLength + beside, MOST_IN_FLIGHT);
  }

  /** Asks for as much as there is credit for; when much is on its way, not before there is room for a few requests in one write. */
  ask(): void {
    if (this.#out.isOver()) return;
    if (this.#next === this.#end && this.#blocks.length === 0) this.#out.complete();
    if (this.#outstanding > LEAST_FULL * this.#budget.bytes) return;
    while (!this.#out.isOver() && this.#mayAsk()) {
      const whole = this.#next < this.#firstEnd ? this.#firstEnd - this.#next : this.#blockLength;
      const length = Math.min(whole, this.#end - this.#next);
      const block = new Block(this, this.#next, length);
      this.#next += length;
      this.#outstanding += length;
      this.#blocks.push(block);
      this.send(block);
    }
  }

  #mayAsk(): boolean {
    if (this.#next >= this.#end || this.#blocks.length >= MOST_BLOCKS) return false;
    if (this.#isOneByOne) return this.#inFlight === 0 && this.#outstanding === 0;
    return this.#outstanding === 0 || this.#outstanding + this.#blockLength <= this.#budget.bytes;
  }

  /** Asks for what a block still lacks. */
  send(block: Block): void {
    const { session } = this.#handle;
    this.#inFlight++;
    this.#hasAskedSideBySide ||= this.#inFlight > 1;
    block.sentAt = session.scheduler.now();
    try {
      session.send(block, (id) =>
        encodeRead(id, this.#handle.bytes, block.position + block.received, block.missing),
      );
    } catch (thrown) {
      // the handle was closed meanwhile
      this.#out.error(thrown);
    }
  }

  /** Some of the data has come for a block; `left` bytes of the same answer are still to come. */
  arrived(block: Block, data: Uint8Array, left: number): void {
    if (left === 0) this.#inFlight--;
    if (this.#out.isOver()) return;
    this.#received(block, data, left);
    this.#goOn();
  }

  /** An answer has come for a block. */
  answered(block: Block, reply: ReplyPacket): void {
    if (reply.type === 'DATA') {
      this.arrived(block, reply.data, 0);
      return;
    }
    this.#inFlight--;
    if (this.#out.isOver()) return;
    if (isStatus(reply, StatusCode.EOF)) this.#ends(block);
    else this.#refuses(block, reply);
    this.#goOn();
  }

  #goOn(): void {
    this.#handOn();
    if (this.#out.isOver()) return;
    this.#askAgain();
    this.ask();
  }

  failed(error: SshError): void {
    this.#out.error(error);
  }

  #received(block: Block, data: Uint8Array, left: number): void {
    if (data.length + left > block.missing)
      throw protocolError(
        `DATA of ${String(data.length + left)} bytes, where ${String(block.missing)} were asked for`,
      );
    block.emptyAnswers = data.length === 0 ? block.emptyAnswers + 1 : 0;
    if (block.emptyAnswers > MOST_EMPTY) throw protocolError('DATA without data, again and again');
    block.add(data);
    if (left > 0) return;
    if (block.missing === 0) {
      this.#budget.answered(block.length, block.sentAt, this.#handle.session.scheduler.now());
    }
    if (block.missing === 0) return;
    // the end of the file, or all that the server gives at a time: the rest is asked for until it says which
    if (block.position + block.received === this.#shortEnd) this.#ends(block);
    else this.send(block);
  }

  /** The file ends here, as it now is: what lies behind is not asked for, and dropped if it comes. */
  #ends(block: Block): void {
    block.isLast = true;
    this.#end = Math.min(this.#end, this.#next);
    this.#next = this.#end;
  }

  /** A server that does one thing at a time may have refused it for what was asked for beside it: it is asked once more, alone. */
  #refuses(block: Block, reply: ReplyPacket): void {
    if (isStatus(reply, StatusCode.FAILURE) && this.#hasAskedSideBySide && !block.isSecondTry) {
      this.#isOneByOne = true;
      block.isSecondTry = true;
      this.#refused.push(block);
    } else {
      const position = block.position + block.received;
      block.error = refusal({ ...this.#handle.operation('read'), position }, reply);
    }
  }

  #askAgain(): void {
    if (this.#inFlight > 0) return;
    const block = this.#refused.shift();
    if (block !== undefined) this.send(block);
  }

  /** Hands on what is there, in the order of the file. An end and an error wait behind the data before them. */
  #handOn(): void {
    if (this.#isHandingOn) return;
    this.#isHandingOn = true;
    while (!this.#out.isOver()) {
      const block = this.#blocks.peek();
      if (block === undefined) break;
      this.#handOnPieces(block);
      if (this.#out.isOver()) break;
      if (block.error !== undefined) this.#out.error(block.error);
      else if (block.isLast) this.#out.complete();
      else if (block.missing > 0) break;
      this.#blocks.shift();
    }
    this.#isHandingOn = false;
  }

  #handOnPieces(block: Block): void {
    for (let piece = block.pieces.shift(); piece !== undefined; piece = block.pieces.shift()) {
      const { length } = piece;
      this.#out.deliver(piece, () => {
        weigh(piece);
        this.#outstanding -= length;
        this.ask();
      });
      if (this.#out.isOver()) return;
    }
  }
}

/** A part of the file that one READ asks for; a second one for what the first answer lacks. */
class Block implements PendingRequest {
  readonly #reader: FileReader;
  readonly position: number;
  readonly length: number;
  readonly pieces: Uint8Array[] = [];
  received = 0;
  sentAt = 0;
  emptyAnswers = 0;
  isSecondTry = false;
  isLast = false;
  error: SshError | undefined;

  constructor(reader: FileReader, position: number, length: number) {
    this.#reader = reader;
    this.position = position;
    this.length = length;
  }

  get missing(): number {
    return this.length - this.received;
  }

  add(data: Uint8Array): void {
    this.received += data.length;
    if (data.length > 0) this.pieces.push(data);
  }

  answer(reply: ReplyPacket): void {
    this.#reader.answered(this, reply);
  }

  piece(data: Uint8Array, left: number): void {
    this.#reader.arrived(this, data, left);
  }

  fail(error: SshError): void {
    this.#reader.failed(error);
  }
}
