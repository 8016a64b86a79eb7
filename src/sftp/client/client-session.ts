/** The client's end of an SFTP session: requests out, answers matched by their ids, and one end for all. */
import { type Observable, ReplaySubject, type SchedulerLike, Subscription } from 'rxjs';
import { protocolError, SshError } from '../../errors.ts';
import { outsideDelivery } from '../../operators/credit.ts';
import type { ByteDuplex } from '../../streams/byte-duplex.ts';
import { after, timeoutError } from '../../streams/deadline.ts';
import { asSshError, connectionLost } from '../../streams/ending.ts';
import { concatBytes } from '../../wire/bytes.ts';
import type { Extension } from '../extensions.ts';
import { DEFAULT_LIMITS, type SftpLimits } from './limits.ts';
import { encodePacket, readReply, type ReplyPacket, type SftpPacket } from '../packets.ts';
import { RequestTable } from './request-table.ts';
import { type DataPiece, replyFrame } from '../sftp-frame.ts';
import { notSftp, type ServerVersion, versionOf } from './version.ts';
import { steadyScheduler } from '../../operators/steady-scheduler.ts';

/** How a session behaves. */
export interface SessionOptions {
  /**
   * Milliseconds that the server may take for a request, counted from when everything asked before it is answered; 60 000 by
   * default, 0 is no limit.
   */
  readonly requestTimeout?: number;
  /** Where time comes from; a clock that nobody sets, by default. */
  readonly scheduler?: SchedulerLike;
  /**
   * The server takes SYMLINK as the draft has it (draft-ietf-secsh-filexfer-02 §6.10), the link before its target. OpenSSH has it
   * the other way round, and so has nearly everyone; `client.sftp()` knows AsyncSSH's servers.
   */
  readonly draftSymlink?: boolean;
}

/** Who waits for an answer. Answers come outside of any delivery, and also when nobody wants them any more. */
export interface PendingRequest {
  /** The server has answered. What it throws ends the session. */
  answer(reply: ReplyPacket): void;
  /** Some of the data of the answer, and how much of it is still to come. Without it, DATA comes as one answer. */
  piece?(data: Uint8Array, left: number): void;
  /** There will be no answer, or none in time. */
  fail(error: SshError): void;
}

const DEFAULT_REQUEST_TIMEOUT = 60_000;
/** Requests up to this length are sent together: a file of a few KiB, and what is asked for beside it. */
const SMALL_PACKET = 8 * 1024;
/** Most requests, and most bytes, that are sent together. */
const MOST_SMALL = 32;
const MOST_TOGETHER = 32 * 1024;

/** One SFTP session of a client, over any duplex. */
export class ClientSession {
  readonly scheduler: SchedulerLike;
  /** Emits how the session ended, once. Replayed. */
  readonly closed$: Observable<SshError>;
  /** How much one request may carry. */
  limits: SftpLimits = DEFAULT_LIMITS;

  /** SYMLINK names the link first. */
  readonly draftSymlink: boolean;

  readonly #duplex: ByteDuplex;
  readonly #requestTimeout: number;
  readonly #table = new RequestTable<PendingRequest>();
  readonly #closed = new ReplaySubject<SshError>(1);
  readonly #reading = new Subscription();
  readonly #small: Uint8Array[] = [];
  #smallBytes = 0;
  #started: ((version: ServerVersion) => void) | undefined;
  #server: ServerVersion | undefined;
  #ended: SshError | undefined;
  #deadline = Subscription.EMPTY;
  /** Since when the oldest request has been the oldest. */
  #oldestSince = 0;

  constructor(duplex: ByteDuplex, options: SessionOptions = {}) {
    this.#duplex = duplex;
    this.scheduler = options.scheduler ?? steadyScheduler;
    this.draftSymlink = options.draftSymlink ?? false;
    this.#requestTimeout = options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT;
    this.closed$ = this.#closed.asObservable();
  }

  /** What ended the session; `undefined` while it lasts. */
  get ended(): SshError | undefined {
    return this.#ended;
  }

  /** What the server said in VERSION. */
  get server(): ServerVersion {
    if (this.#server === undefined) throw new TypeError('SFTP has not started');
    return this.#server;
  }

  /** Sends INIT, and calls back with the server's VERSION. */
  start(started: (version: ServerVersion) => void): void {
    this.#started = started;
    this.#startDeadline('sftp start');
    const takesPieces = (id: number): boolean => this.#table.get(id)?.piece !== undefined;
    this.#reading.add(
      this.#duplex.readable$.pipe(replyFrame(takesPieces, { refuse: this.#refuse })).subscribe({
        next: (received) => outsideDelivery(() => this.#receive(received)),
        error: (error: unknown) => this.fail(asSshError(error)),
        complete: () => this.fail(connectionLost(new Error('the server has ended SFTP'))),
      }),
    );
    this.#write(encodePacket({ type: 'INIT', version: 3, extensions: [] }));
  }

  /** Does the server have an extension, in the version that is spoken here? */
  supports({ name, version }: Extension): boolean {
    return this.server.extensions.get(name) === version;
  }

  /**
   * Sends a request.
   *
   * @param encode - the whole packet with this id; its bytes are the session's until the answer
   */
  send(pending: PendingRequest, encode: (id: number) => Uint8Array): void {
    if (this.#ended !== undefined) {
      pending.fail(this.#ended);
      return;
    }
    const isOldest = this.#table.size === 0;
    const id = this.#table.add(pending);
    if (isOldest) this.#oldestChanged();
    try {
      this.#write(encode(id));
    } catch (thrown) {
      this.#table.take(id);
      throw thrown;
    }
  }

  /** Takes back a piece of an answer that nobody looks at any more. */
  giveBack(data: Uint8Array): void {
    this.#duplex.giveBack?.(data);
  }

  /** Sends a request whose answer nobody needs. */
  sendQuietly(packet: (id: number) => SftpPacket): void {
    if (this.#ended !== undefined) return;
    this.send({ answer: nothing, fail: nothing }, (id) => encodePacket(packet(id)));
  }

  /** Ends the session: everything that waits errors. */
  fail(error: SshError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#deadline.unsubscribe();
    this.#reading.unsubscribe();
    // what was asked for last may be to close or remove something
    this.#writeSmall();
    this.#duplex.destroy();
    outsideDelivery(() => {
      for (const pending of this.#table.takeAll()) pending.fail(error);
      this.#closed.next(error);
      this.#closed.complete();
    });
  }

  /** Ends the session because nobody is subscribed any more. */
  release(): void {
    const message =
      'SFTP was let go when its subscription ended: keep it subscribed while you use what it emitted';
    this.fail(new SshError('released', message, { what: 'sftp' }));
  }

  /** Small requests of one turn go together: a packet of SSH costs either side more than they do. */
  #write(packet: Uint8Array): void {
    if (packet.length > SMALL_PACKET) {
      this.#writeSmall();
      this.#duplex.write(packet, nothing);
      return;
    }
    if (this.#smallBytes + packet.length > MOST_TOGETHER) this.#writeSmall();
    if (this.#small.length === 0) queueMicrotask(() => this.#writeSmall());
    this.#small.push(packet);
    this.#smallBytes += packet.length;
    if (this.#small.length === MOST_SMALL) this.#writeSmall();
  }

  #writeSmall(): void {
    const [first] = this.#small;
    if (first === undefined) return;
    const together = this.#small.length === 1 ? first : concatBytes(this.#small);
    this.#small.length = 0;
    this.#smallBytes = 0;
    this.#duplex.write(together, nothing);
  }

  /** What the server says before VERSION may come from a shell that was started for it. */
  readonly #refuse = (length: number, bytes: Uint8Array): SshError =>
    this.#server === undefined
      ? notSftp(bytes)
      : protocolError(`an SFTP packet of ${String(length)} bytes`);

  #receive(received: Uint8Array | DataPiece): void {
    if (this.#ended !== undefined) return;
    try {
      if (!(received instanceof Uint8Array)) this.#dispatchPiece(received);
      else if (this.#server === undefined) this.#begin(received);
      else this.#dispatch(received);
    } catch (thrown) {
      this.fail(asSshError(thrown));
    }
  }

  #begin(packet: Uint8Array): void {
    this.#server = versionOf(packet);
    this.#deadline.unsubscribe();
    this.#started?.(this.#server);
  }

  #dispatch(packet: Uint8Array): void {
    const reply = readReply(packet);
    if (reply === undefined || reply.type === 'VERSION')
      throw protocolError(`an SFTP answer of type ${String(packet[0])}`);
    const isOldest = this.#table.oldest === reply.id;
    const pending = this.#table.take(reply.id);
    if (pending === undefined)
      throw protocolError(`${reply.type} for request ${String(reply.id)}, which there is none of`);
    if (isOldest) this.#oldestChanged();
    try {
      pending.answer(reply);
    } catch (thrown) {
      const error = asSshError(thrown);
      this.fail(error);
      // it is not in the table any more
      pending.fail(error);
    }
  }

  /** Only who takes pieces gets here. */
  #dispatchPiece({ id, data, left }: DataPiece): void {
    const isOldest = this.#table.oldest === id;
    const pending = left > 0 ? this.#table.get(id) : this.#table.take(id);
    // an answer that comes is not late
    if (isOldest) this.#oldestChanged();
    pending?.piece?.(data, left);
  }

  /** The clock of a request runs from when it is the oldest: a slow way is no fault of those that wait their turn. */
  #oldestChanged(): void {
    this.#oldestSince = this.scheduler.now();
    if (this.#deadline.closed && this.#table.size > 0) this.#watch(this.#requestTimeout);
  }

  /** One timer for all: it looks at the oldest request when that may be due, and not at every answer. */
  #watch(milliseconds: number): void {
    this.#deadline = after(milliseconds, () => this.#giveUpDue(), this.scheduler);
  }

  #giveUpDue(): void {
    if (this.#table.size === 0) return;
    const left = this.#oldestSince + this.#requestTimeout - this.scheduler.now();
    if (left > 0) {
      this.#watch(left);
      return;
    }
    const due = this.#table.giveUpOldest();
    this.#oldestChanged();
    if (this.#table.size > 0) this.#watch(this.#requestTimeout);
    due?.fail(timeoutError('sftp request', this.#requestTimeout));
  }

  #startDeadline(phase: string): void {
    const milliseconds = this.#requestTimeout;
    this.#deadline = after(
      milliseconds,
      () => this.fail(timeoutError(phase, milliseconds)),
      this.scheduler,
    );
  }
}

function nothing(): void {
  // nobody needs to know
}
