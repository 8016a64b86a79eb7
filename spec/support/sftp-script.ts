/** An SFTP client of ours, and a script that plays its server: for answers that no honest server gives. */
import { type Observable, type SchedulerLike, Subscription } from 'rxjs';
import { limits } from '../../src/sftp/extensions.ts';
import { openSftp } from '../../src/sftp/client/open-sftp.ts';
import {
  encodePacket,
  type PacketOf,
  readRequest,
  type ReplyPacket,
  type RequestPacket,
} from '../../src/sftp/packets.ts';
import type { SftpClient } from '../../src/sftp/client/sftp-client.ts';
import { sftpFrame } from '../../src/sftp/sftp-frame.ts';
import { StatusCode } from '../../src/sftp/status.ts';
import { memoryPair, type MemoryPairOptions } from '../../src/streams/memory-pair.ts';
import { utf8Bytes } from '../../src/wire/bytes.ts';
import { keepOpen, turn } from './embedded.ts';

/** Answers of a script: packets, or raw bytes. */
export type Answers = readonly (ReplyPacket | Uint8Array)[];

/** What a script says. */
export interface SftpScriptOptions {
  /** Answers a request; nothing without it, and `say` can do it later. */
  readonly answer?: (request: Request) => Answers;
  /** What is said to INIT; VERSION by default. */
  readonly start?: Uint8Array;
  readonly version?: number;
  readonly extensions?: Readonly<Record<string, string>>;
  /** Length of READ and WRITE that limits@openssh.com tells. */
  readonly length?: number;
  readonly wire?: MemoryPairOptions;
  readonly requestTimeout?: number;
  readonly scheduler?: SchedulerLike;
}

/** A request with an id: any but INIT. */
export type Request = Exclude<RequestPacket, PacketOf<'INIT'>>;

/** The server's end of a session. */
export class SftpScript {
  /** Cold, but for one subscription only. */
  readonly fs$: Observable<SftpClient>;
  /** What the client has asked for, apart from the limits. */
  readonly requests: Request[] = [];
  /** The client has let the duplex go. */
  isGone = false;
  readonly #options: SftpScriptOptions;
  readonly #write: (bytes: Uint8Array) => void;

  constructor(options: SftpScriptOptions = {}) {
    this.#options = options;
    const [clientEnd, serverEnd] = memoryPair(options.wire);
    const { requestTimeout, scheduler } = options;
    this.fs$ = openSftp(clientEnd, {
      ...(requestTimeout === undefined ? {} : { requestTimeout }),
      ...(scheduler === undefined ? {} : { scheduler }),
    });
    this.#write = (bytes) => serverEnd.write(bytes, () => {});
    const reading = serverEnd.readable$.pipe(sftpFrame()).subscribe({
      next: (packet) => this.#receive(packet.slice()),
      error: () => (this.isGone = true),
    });
    keepOpen(reading);
    this.end = () => serverEnd.end();
  }

  /** Says EOF. */
  readonly end: () => void;

  /** The server says something; resolves when all is done that follows from it without a timer. */
  async say(...answers: Answers): Promise<void> {
    for (const answer of answers)
      this.#write(answer instanceof Uint8Array ? answer : encodePacket(answer));
    await turn();
  }

  /** Requests of one type. */
  of<T extends Request['type']>(type: T): PacketOf<T>[] {
    return this.requests.filter((request): request is PacketOf<T> => request.type === type);
  }

  /** Types of what was asked for, and forgets them. */
  take(): string[] {
    return this.requests.splice(0).map(({ type }) => type);
  }

  /** The client, which stays open until the end of the test. */
  async client(): Promise<SftpClient> {
    const { subscription, client } = await this.open();
    keepOpen(subscription);
    return client;
  }

  /** The client, and the subscription that it lives by. */
  open(): Promise<{ readonly client: SftpClient; readonly subscription: Subscription }> {
    return new Promise((resolve, reject) => {
      const subscription = new Subscription();
      subscription.add(
        this.fs$.subscribe({
          next: (client) => resolve({ client, subscription }),
          // later ones are for those who work with it
          error: reject,
        }),
      );
    });
  }

  #receive(packet: Uint8Array): void {
    const request = readRequest(packet);
    if (request === undefined) throw new Error(`the client has sent ${String(packet[0])}`);
    if (request.type === 'INIT') {
      this.#write(this.#options.start ?? encodePacket(this.#version()));
    } else if (request.type === 'EXTENDED' && request.request === limits.name) {
      this.#write(encodePacket(this.#limits(request.id)));
    } else {
      this.requests.push(request);
      void this.say(...(this.#options.answer?.(request) ?? []));
    }
  }

  #version(): ReplyPacket {
    const { version = 3, length, extensions = {} } = this.#options;
    const all = { ...extensions, ...(length === undefined ? {} : { [limits.name]: '1' }) };
    const list = Object.entries(all).map(([name, data]) => ({ name, data: utf8Bytes(data) }));
    return { type: 'VERSION', version, extensions: list };
  }

  #limits(id: number): ReplyPacket {
    const length = BigInt(this.#options.length ?? 0);
    const told = { maxReadLength: length, maxWriteLength: length };
    const data = limits.reply.encode({ ...told, maxPacketLength: 0n, maxOpenHandles: 0n });
    return { type: 'EXTENDED_REPLY', id, data };
  }
}

/** STATUS. */
export function status(id: number, code: number = StatusCode.OK, message = ''): PacketOf<'STATUS'> {
  return { type: 'STATUS', id, code, message, language: '' };
}

/** HANDLE. */
export function handle(id: number, name = 'h'): PacketOf<'HANDLE'> {
  return { type: 'HANDLE', id, handle: utf8Bytes(name) };
}

/** DATA. */
export function data(id: number, bytes: Uint8Array | string): PacketOf<'DATA'> {
  return { type: 'DATA', id, data: typeof bytes === 'string' ? utf8Bytes(bytes) : bytes };
}

/** NAME. */
export function names(id: number, ...list: readonly (string | Uint8Array)[]): PacketOf<'NAME'> {
  const items = list.map((name) => ({
    filename: typeof name === 'string' ? utf8Bytes(name) : name,
    longname: utf8Bytes('-'),
    attributes: {},
  }));
  return { type: 'NAME', id, names: items };
}

/** Answers like a server with one file of these bytes, whatever its name; keeps what is written. */
export class OneFile {
  content: Uint8Array;
  openHandles = 0;

  constructor(content: Uint8Array | string = '') {
    this.content = typeof content === 'string' ? utf8Bytes(content) : content;
  }

  readonly answer = (request: Request): Answers => {
    switch (request.type) {
      case 'OPEN':
        this.openHandles++;
        return [handle(request.id)];
      case 'CLOSE':
        this.openHandles--;
        return [status(request.id)];
      case 'READ':
        return [this.read(request)];
      case 'WRITE':
        this.#write(Number(request.offset), request.data);
        return [status(request.id)];
      default:
        return [status(request.id, StatusCode.OP_UNSUPPORTED)];
    }
  };

  /** What an honest server answers, of at most `most` bytes. */
  read({ id, offset, length }: PacketOf<'READ'>, most = length): ReplyPacket {
    const start = Number(offset);
    const bytes = this.content.slice(start, start + Math.min(length, most));
    return bytes.length === 0 ? status(id, StatusCode.EOF) : data(id, bytes);
  }

  #write(position: number, bytes: Uint8Array): void {
    const grown = new Uint8Array(Math.max(this.content.length, position + bytes.length));
    grown.set(this.content);
    grown.set(bytes, position);
    this.content = grown;
  }
}
