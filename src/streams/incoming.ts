/**
 * The incoming half of a transport: which message may come now, and who receives it. Messages of the transport layer itself
 * are handled by `TransportHandlers`, those of the layers above go on as they are.
 */
import { protocolError } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';
import type { KexMessage } from '../messages/kex.ts';
import { type KexInit, TRANSPORT_MESSAGES, type TransportMessage } from '../messages/transport.ts';
import type { InboundMessage } from '../operators/decode.ts';
import { admission, type Phase } from '../transport/admission.ts';
import { type Inbound, initialInbound, MAX_PACKET_LENGTH } from '../transport/direction.ts';
import { kexProgress, type KexState } from '../transport/kex-state.ts';
import type { Role } from '../transport/role.ts';
import { type MessageRow, type MessageTable, messageTable } from '../wire/message.ts';

const NEWKEYS = 21;
const FIRST_KEX_METHOD = 30;
const FIRST_UPPER = 50;
const FIRST_CONNECTION = 80;
const FIRST_LOCAL = 192;
/** RFC 8308 §2.4: a client may get EXT_INFO a second time, before USERAUTH_SUCCESS. */
const MAX_EXT_INFO = { client: 2, server: 1 } as const;
const LAST_SEQUENCE_NUMBER = 0xffff_ffff;
const NO_ROWS: readonly MessageRow[] = [];

/** Who receives what. */
export interface TransportHandlers {
  kexState(): KexState;
  disconnected(reasonCode: number, description: string): void;
  debug(message: string, alwaysDisplay: boolean): void;
  service(message: Extract<TransportMessage, { serviceName: string }>): void;
  kexInit(message: KexInit, payload: Uint8Array, sequenceNumber: number): void;
  newKeys(): void;
  /** The message that a peer has sent on a wrong guess (RFC 4253 §7.1). */
  wrongGuess(): void;
  /** What the method that was agreed on has for messages. */
  kexMessages(): readonly MessageRow[];
  kexMethod(message: KexMessage): void;
  /** Answers with PONG (OpenSSH PROTOCOL 1.10). */
  ping(data: Uint8Array): void;
  upper(inbound: InboundMessage): void;
  /** Answers with UNIMPLEMENTED (RFC 4253 §11.4). */
  notUnderstood(sequenceNumber: number): void;
}

/** Receives the messages of one connection. */
export class Incoming {
  /** The cell with the current keys. */
  readonly cell: Inbound;
  /** What the peer said in EXT_INFO (RFC 8308): name → value. */
  readonly extensions = new Map<string, Uint8Array>();
  readonly #role: Role;
  readonly #handlers: TransportHandlers;
  #phase: Phase = 'transport';
  #table: MessageTable = tableOf(NO_ROWS);
  #serviceDue = false;
  #previousNumber = 0;
  #extInfoCount = 0;

  constructor(role: Role, handlers: TransportHandlers, cell: Inbound = initialInbound()) {
    this.cell = cell;
    this.#role = role;
    this.#handlers = handlers;
  }

  /** What the peer may send now, as far as the layers above go. */
  get phase(): Phase {
    return this.#phase;
  }

  /** Goes over to a phase: what the peer may send from now on. */
  enterPhase(phase: Phase, rows: readonly MessageRow[]): void {
    this.#phase = phase;
    this.#table = tableOf(rows);
    if (phase !== 'connection') return;
    this.cell.maximumPacketLength = MAX_PACKET_LENGTH;
    // authentication lets a client ask for its service once more; there is nothing more to ask for now
    this.#serviceDue = false;
  }

  /** A SERVICE_REQUEST (server) or SERVICE_ACCEPT (client) may come now, once. */
  expectService(): void {
    this.#serviceDue = true;
  }

  /** The table for a message that may come now; `undefined` for one to pass over. Throws for one that may not come. */
  tableFor(number: number, sequenceNumber: number): MessageTable | undefined {
    const { step, initial, strict } = this.#handlers.kexState();
    // who may count the numbers round before there are keys can move what is counted under them
    if (initial && sequenceNumber === LAST_SEQUENCE_NUMBER)
      throw protocolError('too many packets before the first key exchange is complete');
    const verdict = admission(
      {
        role: this.#role,
        phase: this.#phase,
        kex: kexProgress(step),
        initial,
        strict,
        serviceDue: this.#serviceDue,
      },
      number,
    );
    if (verdict === 'disconnect')
      throw protocolError(`message ${String(number)} is not allowed now`);
    if (verdict === 'unimplemented') this.#handlers.notUnderstood(sequenceNumber);
    if (verdict === 'accept' && !isOfMethod(number)) return this.#table;
    if (verdict === 'accept' && !this.#isWrongGuess()) return tableOf(this.#handlers.kexMessages());
    this.#previousNumber = number;
    return undefined;
  }

  /** One message of a method that was not agreed on: whatever its number and its bytes mean there, they mean nothing here. */
  #isWrongGuess(): boolean {
    const isGuess = this.#handlers.kexState().ignoreGuess;
    if (isGuess) this.#handlers.wrongGuess();
    return isGuess;
  }

  /** Hands a message to whom it concerns. */
  dispatch(inbound: InboundMessage): void {
    if (inbound.message?.type === 'USERAUTH_SUCCESS') this.cell.login.isDone = true;
    if (inbound.message === undefined) this.#unknown(inbound);
    else if (inbound.number >= FIRST_UPPER && inbound.number < FIRST_LOCAL)
      this.#handlers.upper(inbound);
    else this.#receive(inbound.message, inbound);
    this.#previousNumber = inbound.number;
  }

  #receive(message: Message, inbound: InboundMessage): void {
    const { payload, sequenceNumber } = inbound;
    const handlers = this.#handlers;
    switch (message.type) {
      case 'DISCONNECT':
        handlers.disconnected(message.reasonCode, message.description);
        return;
      case 'IGNORE':
        return;
      case 'DEBUG':
        handlers.debug(message.message, message.alwaysDisplay);
        return;
      case 'UNIMPLEMENTED':
        // before that nothing is asked that a peer need not understand
        if (this.#phase === 'connection') handlers.upper(inbound);
        return;
      case 'SERVICE_REQUEST':
      case 'SERVICE_ACCEPT':
        this.#serviceDue = false;
        handlers.service(message);
        return;
      case 'EXT_INFO':
        this.#receiveExtensions(message.extensions);
        return;
      case 'KEXINIT':
        handlers.kexInit(message, payload, sequenceNumber);
        return;
      case 'NEWKEYS':
        handlers.newKeys();
        return;
      case 'PING':
        handlers.ping(message.data);
        return;
      case 'PONG':
        return;
      default:
        handlers.kexMethod(message as KexMessage);
    }
  }

  /** RFC 8308 §2.4: directly behind NEWKEYS, and for a client once more before USERAUTH_SUCCESS. */
  #receiveExtensions(
    extensions: readonly { readonly name: string; readonly value: Uint8Array }[],
  ): void {
    this.#extInfoCount++;
    const isBeforeSuccess = this.#role === 'client' && this.#phase === 'userauth';
    const isInPlace = this.#previousNumber === NEWKEYS || isBeforeSuccess;
    if (!isInPlace || this.#extInfoCount > MAX_EXT_INFO[this.#role])
      throw protocolError('EXT_INFO out of place');
    for (const { name, value } of extensions) this.extensions.set(name, value.slice());
  }

  #unknown({ number, sequenceNumber }: InboundMessage): void {
    // numbers of a method and of authentication mean what the table says or nothing; from 80 on extensions may use them
    if (number < FIRST_CONNECTION)
      throw protocolError(`message ${String(number)} is not expected now`);
    this.#handlers.notUnderstood(sequenceNumber);
  }
}

function isOfMethod(number: number): boolean {
  return number >= FIRST_KEX_METHOD && number < FIRST_UPPER;
}

/** Tables are made once for each set of rows, not for each connection: a thousand idle connections keep one. */
const tables = new WeakMap<readonly MessageRow[], MessageTable>();

function tableOf(rows: readonly MessageRow[]): MessageTable {
  const known = tables.get(rows);
  if (known !== undefined) return known;
  const table = messageTable(TRANSPORT_MESSAGES, rows);
  tables.set(rows, table);
  return table;
}
