/** Packets of the raw peer: sealed, cut, opened, and waited for with a deadline. Nothing waits for ever. */
import { randomBytes } from 'node:crypto';
import { byte, cat, Cursor, u32 } from './bytes.ts';
import type { Link, LinkEnd } from './link.ts';
import { type Codec, PLAIN } from './suites.ts';
import { DEADLINE, Waiter } from './waiter.ts';

/** A message of the other end. */
export interface Received {
  readonly number: number;
  readonly payload: Buffer;
  readonly sequence: number;
}

/** How a packet differs from what it should be. */
export interface Malformed {
  /** What padding_length says; right by default. */
  readonly paddingField?: number;
  /** Bytes of padding that are there; right by default. */
  readonly padding?: number;
  /** What packet_length says; right by default. */
  readonly length?: number;
}

const DISCONNECT = 1;
const UNIMPLEMENTED = 3;
/** Of the transport layer, and assigned to nothing: answered with UNIMPLEMENTED in every state but a strict first exchange. */
const RESERVED = 19;

/** The packet layer. */
export class PacketPeer {
  readonly link: Link;
  /** How the other end has ended, when it has. */
  end: LinkEnd | undefined;
  inbound: Codec = PLAIN;
  outbound: Codec = PLAIN;
  inSequence = 0;
  outSequence = 0;
  /** Messages that were passed over while another was waited for. */
  readonly skipped: Received[] = [];
  /** Every message number received, in order. */
  readonly numbers: number[] = [];
  /** Everything that was written, for replays. */
  readonly written: Buffer[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  readonly #changes = new Waiter();

  constructor(link: Link) {
    this.link = link;
    link.start(
      (chunk) => {
        this.#chunks.push(chunk);
        this.#changes.wake();
      },
      (how) => {
        this.end ??= how;
        this.#changes.wake();
      },
    );
  }

  /** Writes bytes as they are. */
  sendBytes(bytes: Uint8Array | string): void {
    const copy = Buffer.from(bytes as Uint8Array);
    this.written.push(copy);
    this.link.write(copy);
  }

  /** Sends a payload under the present keys; returns the sequence number of its packet. */
  send(payload: Uint8Array, malformed: Malformed = {}): number {
    this.sendBytes(this.seal(payload, malformed));
    return (this.outSequence - 1) >>> 0;
  }

  /** Seals a payload and counts it as sent: for bytes that are changed, cut or glued before they leave. */
  seal(payload: Uint8Array, malformed: Malformed = {}): Buffer {
    const sealed = this.outbound.seal(this.packet(payload, malformed), this.outSequence);
    this.outSequence = (this.outSequence + 1) >>> 0;
    return sealed;
  }

  /** A packet in the clear. */
  packet(payload: Uint8Array, { padding, paddingField, length }: Malformed = {}): Buffer {
    const { block, alignsLength } = this.outbound;
    let right = block - (((alignsLength ? 5 : 1) + payload.length) % block);
    if (right < 4) right += block;
    const pad = randomBytes(padding ?? right);
    const body = cat(byte(paddingField ?? pad.length), payload, pad);
    return cat(u32(length ?? body.length), body);
  }

  /** The next message, when it is there already. */
  take(): Received | undefined {
    return this.#next();
  }

  /** The next message, whatever it is. */
  async read(milliseconds = DEADLINE): Promise<Received> {
    return this.#until('a message', () => this.#next(), milliseconds);
  }

  /** The next message; `undefined` when the other end has ended first. */
  async readOrEnd(milliseconds = DEADLINE): Promise<Received | undefined> {
    const next = await this.#until(
      'a message or the end',
      () => this.#next() ?? (this.end === undefined ? undefined : 'end'),
      milliseconds,
    );
    return next === 'end' ? undefined : next;
  }

  /** The next message, which must have this number. */
  async expect(number: number, milliseconds = DEADLINE): Promise<Received> {
    const received = await this.#until(
      `message ${String(number)}`,
      () => this.#next(),
      milliseconds,
    );
    if (received.number === number) return received;
    throw new Error(`raw peer: expected ${String(number)}, received ${describe(received)}`);
  }

  /** The next message with this number; the others go to `skipped`. A DISCONNECT that is not asked for is an error. */
  async until(number: number, milliseconds = DEADLINE): Promise<Received> {
    for (;;) {
      const received = await this.#until(
        `message ${String(number)}`,
        () => this.#next(),
        milliseconds,
      );
      if (received.number === number) return received;
      if (received.number === DISCONNECT)
        throw new Error(`raw peer: waited for ${String(number)}, received ${describe(received)}`);
      this.skipped.push(received);
    }
  }

  /** DISCONNECT with one of these reasons, nothing behind it, and a FIN within a second. Returns its description. */
  async expectDisconnect(...reasons: readonly number[]): Promise<string> {
    const cursor = new Cursor((await this.until(DISCONNECT)).payload).skip(1);
    const reason = cursor.u32();
    const description = cursor.text();
    if (!reasons.includes(reason))
      throw new Error(`raw peer: DISCONNECT ${String(reason)} (${description})`);
    await this.expectEnd();
    return description;
  }

  /** The end within a second, and no message before it. */
  async expectEnd(milliseconds = DEADLINE): Promise<LinkEnd> {
    const next = await this.#until('the end', () => this.#next() ?? this.end, milliseconds);
    if (typeof next === 'string') return next;
    throw new Error(`raw peer: expected the end, received ${describe(next)}`);
  }

  /** UNIMPLEMENTED for exactly this packet; others go to `skipped`. */
  async expectUnimplemented(sequence: number): Promise<void> {
    const received = new Cursor((await this.until(UNIMPLEMENTED)).payload).skip(1).u32();
    if (received !== sequence)
      throw new Error(`raw peer: UNIMPLEMENTED(${String(received)}), not ${String(sequence)}`);
  }

  /** Everything that is sent in answer to what was sent so far: the messages before the answer to a packet nobody knows. */
  async barrier(milliseconds = DEADLINE): Promise<Received[]> {
    return this.barrierOf((payload) => payload, milliseconds);
  }

  /** The same, with a payload that is made into something else first. */
  async barrierOf(pack: (payload: Buffer) => Buffer, milliseconds = DEADLINE): Promise<Received[]> {
    const sequence = this.send(pack(byte(RESERVED)));
    const before: Received[] = [];
    for (;;) {
      const received = await this.#until('the barrier', () => this.#next(), milliseconds);
      if (received.number === UNIMPLEMENTED && received.payload.readUInt32BE(1) === sequence)
        return before;
      if (received.number === DISCONNECT)
        throw new Error(`raw peer: received ${describe(received)} before the barrier`);
      before.push(received);
    }
  }

  /** Says FIN. */
  close(): void {
    this.link.end();
  }

  /** Bytes of the other end up to a LF, without line ending. */
  async line(milliseconds = DEADLINE): Promise<Buffer> {
    return this.#until(
      'a line',
      () => {
        this.#gather();
        const at = this.#buffer.indexOf(0x0a);
        if (at < 0) return undefined;
        const line = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + 1);
        return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
      },
      milliseconds,
    );
  }

  #next(): Received | undefined {
    this.#gather();
    if (this.#buffer.length < this.inbound.head) return undefined;
    const length = this.inbound.length(this.#buffer, this.inSequence);
    const size = 4 + length + this.inbound.tag;
    if (length > 300_000) throw new Error(`raw peer: packet_length ${String(length)}`);
    if (this.#buffer.length < size) return undefined;
    const body = this.inbound.open(this.#buffer.subarray(0, size), this.inSequence);
    this.#buffer = this.#buffer.subarray(size);
    const sequence = this.inSequence;
    this.inSequence = (this.inSequence + 1) >>> 0;
    const payload = body.subarray(1, body.length - body.readUInt8(0));
    const number = payload.readUInt8(0);
    this.numbers.push(number);
    return { number, payload, sequence };
  }

  #gather(): void {
    if (this.#chunks.length === 0) return;
    this.#buffer = Buffer.concat([this.#buffer, ...this.#chunks]);
    this.#chunks = [];
  }

  async #until<T>(what: string, attempt: () => T | undefined, milliseconds: number): Promise<T> {
    return this.#changes.until(
      `raw peer: ${what}`,
      () => {
        const result = attempt();
        if (result === undefined && this.end !== undefined)
          throw new Error(`raw peer: the end (${this.end}) came instead of ${what}`);
        return result;
      },
      milliseconds,
    );
  }
}

function describe({ number, payload }: Received): string {
  if (number !== DISCONNECT) return `message ${String(number)}`;
  const cursor = new Cursor(payload).skip(1);
  return `DISCONNECT ${String(cursor.u32())} (${cursor.text()})`;
}
