/** Packets out of a channel's bytes: each has its length in front (draft-ietf-secsh-filexfer-02 §3). */
import type { OperatorFunction, Subscriber } from 'rxjs';
import { protocolError, type SshError } from '../errors.ts';
import { keep } from '../operators/credit.ts';
import { lift, type Stage } from '../operators/lift.ts';
import { readUint32 } from '../wire/bytes.ts';
import { DATA_HEAD, dataOf, LARGEST_PACKET, LENGTH_BYTES } from './packets.ts';

/** Some of the data of a DATA, as it has come. */
export interface DataPiece {
  /** Of the request. */
  readonly id: number;
  readonly data: Uint8Array;
  /** Bytes of the same DATA that are still to come. */
  readonly left: number;
}

/** How packets are cut. */
export interface SftpFrameOptions {
  /** Longest packet that is taken, in bytes, without its length; 257 KiB by default. */
  readonly largestPacket?: number;
  /** Memory for a packet that spans chunks; fresh by default. */
  readonly room?: (length: number) => Uint8Array;
  /** Is given the chunks of which nothing was emitted, but copies. */
  readonly done?: (chunk: Uint8Array) => void;
  /** Makes the error of a length that is out of bounds, from the bytes that are there, the length first. */
  readonly refuse?: (length: number, bytes: Uint8Array) => SshError;
}

/**
 * Cuts a byte stream into SFTP packets, each without its length: type and fields.
 *
 * 1. A packet is emitted within the delivery of the chunk that its last byte came in: whoever holds credit holds that chunk's.
 *    The chunks before have been acknowledged, so one packet may be longer than what the source lets out.
 * 2. Packets are whoever's they are emitted to, and may be kept. A packet within one chunk is a view of it, not a copy; one
 *    that spans chunks is copied once.
 * 3. A length of 0 or past `largestPacket` errors with `protocol` before anything is kept for it.
 * 4. Completes with the source; in the middle of a packet it errors with `protocol` instead.
 *
 * @example
 * ```ts
 * channel.stdout$.pipe(sftpFrame()).subscribe((packet) => console.log(readReply(packet)));
 * ```
 */
export function sftpFrame(
  options: SftpFrameOptions = {},
): OperatorFunction<Uint8Array, Uint8Array> {
  return lift((out: Subscriber<Uint8Array>) => new SftpFramer(out, options));
}

/**
 * The same for the answers of a server, of which DATA is not gathered when it spans chunks, but emitted piece by piece: what is
 * read from a file is not copied on its way.
 *
 * @param takesPieces - does whoever has sent the request of this id want pieces?
 */
export function replyFrame(
  takesPieces: (id: number) => boolean,
  options: Omit<SftpFrameOptions, 'done'> = {},
): OperatorFunction<Uint8Array, Uint8Array | DataPiece> {
  return lift(
    (out: Subscriber<Uint8Array | DataPiece>) => new ReplyFramer(out, options, takesPieces),
  );
}

class SftpFramer implements Stage<Uint8Array> {
  readonly #out: Pick<Subscriber<Uint8Array>, 'closed' | 'next' | 'complete'>;
  readonly #largestPacket: number;
  readonly #room: NonNullable<SftpFrameOptions['room']>;
  readonly #done: SftpFrameOptions['done'];
  readonly #refuse: NonNullable<SftpFrameOptions['refuse']>;
  /** The length of the packet that has begun, as far as it has come. */
  readonly #length = new Uint8Array(LENGTH_BYTES);
  #lengthBytes = 0;
  /** The packet that has begun, once its length is known, and how much of it there is. */
  #packet: Uint8Array | undefined;
  #filled = 0;

  constructor(
    out: Pick<Subscriber<Uint8Array>, 'closed' | 'next' | 'complete'>,
    options: SftpFrameOptions,
  ) {
    this.#out = out;
    this.#largestPacket = options.largestPacket ?? LARGEST_PACKET;
    this.#room = options.room ?? freshRoom;
    this.#done = options.done;
    this.#refuse = options.refuse ?? badLength;
  }

  next(chunk: Uint8Array): void {
    let rest = keep(chunk);
    let isCopied = rest === chunk;
    if (this.#lengthBytes > 0) rest = this.#take(rest);
    while (rest.length >= LENGTH_BYTES && !this.#out.closed) {
      const end = LENGTH_BYTES + this.#checkedLength(rest);
      if (end > rest.length) break;
      isCopied = false;
      this.#out.next(rest.subarray(LENGTH_BYTES, end));
      rest = rest.subarray(end);
    }
    if (rest.length > 0 && !this.#out.closed) {
      if (this.spans(rest)) isCopied = false;
      else this.#take(rest);
    }
    if (isCopied) this.#done?.(chunk);
  }

  /** Takes the beginning of a packet that spans chunks, if it is not to be gathered here. */
  protected spans(_beginning: Uint8Array): boolean {
    return false;
  }

  complete(): void {
    if (this.#lengthBytes > 0) throw protocolError('SFTP ended in the middle of a packet');
    this.#out.complete();
  }

  /** Takes what belongs to the packet that has begun, or begins one; gives the rest. */
  #take(chunk: Uint8Array): Uint8Array {
    const rest = this.#takeLength(chunk);
    const packet = this.#packet;
    if (packet === undefined) return rest;
    const taken = rest.subarray(0, packet.length - this.#filled);
    packet.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled === packet.length) {
      this.#packet = undefined;
      this.#lengthBytes = 0;
      this.#out.next(packet);
    }
    return rest.subarray(taken.length);
  }

  /** The same for its length; when that is complete, there is room for the packet. */
  #takeLength(chunk: Uint8Array): Uint8Array {
    if (this.#packet !== undefined) return chunk;
    const missing = chunk.subarray(0, LENGTH_BYTES - this.#lengthBytes);
    this.#length.set(missing, this.#lengthBytes);
    this.#lengthBytes += missing.length;
    if (this.#lengthBytes === LENGTH_BYTES) {
      this.#packet = this.#room(this.#checkedLength(this.#length));
      this.#filled = 0;
    }
    return chunk.subarray(missing.length);
  }

  #checkedLength(bytes: Uint8Array): number {
    const length = readUint32(bytes, 0);
    if (length === 0 || length > this.#largestPacket) throw this.#refuse(length, bytes);
    return length;
  }
}

class ReplyFramer extends SftpFramer {
  readonly #pieces: Subscriber<Uint8Array | DataPiece>;
  readonly #takesPieces: (id: number) => boolean;
  /** The request whose DATA is being emitted, and how much of it is still to come. */
  #id = 0;
  #left = 0;

  constructor(
    out: Subscriber<Uint8Array | DataPiece>,
    options: SftpFrameOptions,
    takesPieces: (id: number) => boolean,
  ) {
    super(out, options);
    this.#pieces = out;
    this.#takesPieces = takesPieces;
  }

  override next(chunk: Uint8Array): void {
    const rest = this.#left === 0 ? chunk : this.#piece(keep(chunk));
    if (rest.length > 0 && !this.#pieces.closed) super.next(rest);
  }

  override complete(): void {
    if (this.#left > 0) throw protocolError('SFTP ended in the middle of a packet');
    super.complete();
  }

  protected override spans(beginning: Uint8Array): boolean {
    const data = dataOf(beginning);
    if (data === undefined || !this.#takesPieces(data.id)) return false;
    this.#id = data.id;
    this.#left = data.length;
    this.#piece(beginning.subarray(DATA_HEAD));
    return true;
  }

  /** Emits what belongs to the DATA that has begun; gives the rest. */
  #piece(chunk: Uint8Array): Uint8Array {
    const data = chunk.subarray(0, this.#left);
    // first: whoever gets the last of a chunk may give its memory back
    const rest = chunk.subarray(data.length);
    this.#left -= data.length;
    if (data.length > 0) this.#pieces.next({ id: this.#id, data, left: this.#left });
    return rest;
  }
}

function freshRoom(length: number): Uint8Array {
  return new Uint8Array(length);
}

function badLength(length: number): SshError {
  return protocolError(`an SFTP packet of ${String(length)} bytes`);
}
