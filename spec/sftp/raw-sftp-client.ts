/** A client of `sftpServer` that sends any packet it likes, without SSH in between. */
import { NEVER, Subject, type Subscription } from 'rxjs';
import { StatusCode } from '../../src/sftp/status.ts';
import type { SftpFileSystem } from '../../src/sftp/server/file-system.ts';
import type { Extension } from '../../src/sftp/extensions.ts';
import {
  encodePacket,
  OpenFlag,
  type PacketOf,
  readReply,
  type ReplyPacket,
  type RequestPacket,
} from '../../src/sftp/packets.ts';
import { sftpFrame } from '../../src/sftp/sftp-frame.ts';
import {
  type SftpServerChannel,
  sftpServer,
  type SftpServerOptions,
} from '../../src/sftp/server/sftp-server.ts';
import { byteSink } from '../../src/streams/byte-sink.ts';
import { utf8Bytes, utf8Text } from '../../src/wire/bytes.ts';
import type { Fields, StructOf } from '../../src/wire/fields.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
/** A request whose id does not matter. */
export type RawRequest = WithoutId<Exclude<RequestPacket, { type: 'INIT' }>>;

export const bytes = utf8Bytes;
export const { READ, WRITE, APPEND, CREAT, TRUNC, EXCL } = OpenFlag;

export class RawSftpClient {
  /** How the server's session has ended: what it emitted and its error. */
  outcome: readonly unknown[] | undefined;
  /** While it is true, the client takes no answers; see `takeAnswers`. */
  isStalled = false;
  #resume = (): void => undefined;
  readonly #requests = new Subject<Uint8Array>();
  readonly #answers = new Subject<Uint8Array>();
  readonly #waiting = new Map<number, (reply: ReplyPacket) => void>();
  readonly #ended: Promise<void>;
  readonly #session: Subscription;
  #started: ((reply: ReplyPacket) => void) | undefined;
  #id = 0;

  constructor(
    fileSystem: SftpFileSystem,
    options: SftpServerOptions = {},
    stdin$: SftpServerChannel['stdin$'] = this.#requests,
    peerIdentification = 'SSH-2.0-raw',
  ) {
    this.#answers.pipe(sftpFrame()).subscribe((packet) => this.#receive(packet));
    const seen: unknown[] = [];
    let ended: () => void = () => undefined;
    this.#ended = new Promise((resolve) => (ended = resolve));
    const finish = (): void => {
      this.outcome = seen;
      ended();
    };
    const stdout = byteSink({
      accept: (chunk) => this.#accept(chunk),
      whenReady: (resume) => (this.#resume = resume),
      end: () => undefined,
      abort: () => undefined,
      closed$: NEVER,
    });
    this.#session = sftpServer(
      fileSystem,
      options,
    )({ stdin$, stdout, connection: { handshake: { peerIdentification } } }).subscribe({
      next: (status) => seen.push(status),
      error: (error: unknown) => {
        seen.push(error);
        finish();
      },
      complete: finish,
    });
  }

  /** INIT; gives what the server offers. */
  start(version = 3): Promise<PacketOf<'VERSION'>> {
    return new Promise((resolve) => {
      this.#started = (reply) => resolve(reply as PacketOf<'VERSION'>);
      this.send(encodePacket({ type: 'INIT', version, extensions: [] }));
    });
  }

  send(whole: Uint8Array): void {
    this.#requests.next(whole);
  }

  /** Says EOF, and waits for the end. */
  async end(): Promise<readonly unknown[]> {
    this.#requests.complete();
    await this.#ended;
    return this.outcome ?? [];
  }

  /** Takes answers again. */
  takeAnswers(): void {
    this.isStalled = false;
    this.#resume();
  }

  /** The connection is lost. */
  drop(): void {
    this.#session.unsubscribe();
  }

  async ask(request: RawRequest): Promise<ReplyPacket> {
    const id = this.#id++;
    const reply = this.#reply(id);
    this.send(encodePacket({ ...request, id }));
    return reply;
  }

  /** The answer to a packet that was made elsewhere, with this id. */
  answerTo(id: number, whole: Uint8Array): Promise<ReplyPacket> {
    const reply = this.#reply(id);
    this.send(whole);
    return reply;
  }

  /** The name of the status, or the type of another answer. */
  async statusOf(request: RawRequest): Promise<string> {
    return shown(await this.ask(request));
  }

  async open(path: string, flags: number = READ): Promise<Uint8Array> {
    return handleOf(await this.ask({ type: 'OPEN', path: bytes(path), flags, attributes: {} }));
  }

  async opendir(path: string): Promise<Uint8Array> {
    return handleOf(await this.ask({ type: 'OPENDIR', path: bytes(path) }));
  }

  async close(handle: Uint8Array): Promise<string> {
    return this.statusOf({ type: 'CLOSE', handle });
  }

  async write(path: string, content: string): Promise<void> {
    const handle = await this.open(path, WRITE | CREAT | TRUNC);
    await this.ask({ type: 'WRITE', handle, offset: 0n, data: bytes(content) });
    await this.close(handle);
  }

  /** The beginning of a file as text, or the status. */
  async read(path: string): Promise<string> {
    const opened = await this.ask({ type: 'OPEN', path: bytes(path), flags: READ, attributes: {} });
    if (opened.type !== 'HANDLE') return shown(opened);
    const { handle } = opened;
    const data = await this.ask({ type: 'READ', handle, offset: 0n, length: 1000 });
    await this.close(handle);
    return data.type === 'DATA' ? utf8Text(data.data) : shown(data);
  }

  /** Names of all entries, sorted, or the status. */
  async list(path: string): Promise<readonly string[] | string> {
    const opened = await this.ask({ type: 'OPENDIR', path: bytes(path) });
    if (opened.type !== 'HANDLE') return shown(opened);
    const names: string[] = [];
    for (;;) {
      const reply = await this.ask({ type: 'READDIR', handle: opened.handle });
      if (reply.type !== 'NAME') break;
      names.push(...reply.names.map(({ filename }) => Buffer.from(filename).toString('latin1')));
    }
    await this.close(opened.handle);
    return names.sort();
  }

  async extended<Q extends Fields>(
    { name, request }: Pick<Extension<Q>, 'name' | 'request'>,
    value: StructOf<Q>,
  ): Promise<ReplyPacket> {
    return this.ask({ type: 'EXTENDED', request: name, data: request.encode(value) });
  }

  #reply(id: number): Promise<ReplyPacket> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #accept(chunk: Uint8Array): number {
    if (this.isStalled) return 0;
    this.#answers.next(chunk.slice());
    return chunk.length;
  }

  #receive(packet: Uint8Array): void {
    const reply = readReply(packet);
    if (reply === undefined) throw new Error(`the server has sent ${String(packet[0])}`);
    if (reply.type === 'VERSION') {
      this.#started?.(reply);
      return;
    }
    const settle = this.#waiting.get(reply.id);
    if (settle === undefined) throw new Error(`nobody has asked for ${String(reply.id)}`);
    this.#waiting.delete(reply.id);
    settle(reply);
  }
}

/** A client that has begun. */
export async function startRawClient(
  fileSystem: SftpFileSystem,
  options: SftpServerOptions = {},
): Promise<RawSftpClient> {
  const client = new RawSftpClient(fileSystem, options);
  await client.start();
  return client;
}

/** The name of a status, or the type of another answer. */
export function shown(reply: ReplyPacket): string {
  if (reply.type !== 'STATUS') return reply.type;
  return Object.entries(StatusCode).find(([, code]) => code === reply.code)?.[0] ?? '?';
}

export function handleOf(reply: ReplyPacket): Uint8Array {
  if (reply.type !== 'HANDLE') throw new Error(`no handle, but ${JSON.stringify(reply)}`);
  return reply.handle;
}
