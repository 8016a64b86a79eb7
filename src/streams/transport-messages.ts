/** What becomes of the messages of the transport layer itself (RFC 4253 §11), and of those that only pass through it. */
import { escapeText, type SshError } from '../errors.ts';
import type { Message } from '../messages/catalogue.ts';
import type { KexMessage } from '../messages/kex.ts';
import type { KexInit } from '../messages/transport.ts';
import type { InboundMessage } from '../operators/decode.ts';
import type { KexState } from '../transport/kex-state.ts';
import type { MessageRow } from '../wire/message.ts';
import { disconnectedByPeer } from './ending.ts';
import type { TransportHandlers } from './incoming.ts';
import type { KeyExchange } from './key-exchange.ts';
import type { Tracer } from './trace.ts';
import type { TransportSubjects } from './transport-subjects.ts';

/** The connection that the messages have come on. */
interface Connection {
  readonly trace: Tracer | undefined;
  send(message: Message): void;
  fail(error: SshError): void;
}

/** Receives them. */
export class TransportMessages implements TransportHandlers {
  readonly #connection: Connection;
  readonly #kex: KeyExchange;
  readonly #subjects: TransportSubjects;

  constructor(connection: Connection, kex: KeyExchange, subjects: TransportSubjects) {
    this.#connection = connection;
    this.#kex = kex;
    this.#subjects = subjects;
  }

  kexState(): KexState {
    return this.#kex.state;
  }

  disconnected(reasonCode: number, description: string): void {
    this.#connection.fail(disconnectedByPeer(reasonCode, description));
  }

  debug(message: string, alwaysDisplay: boolean): void {
    this.#connection.trace?.({ type: 'debug', message: escapeText(message), alwaysDisplay });
  }

  service({ serviceName }: { readonly serviceName: string }): void {
    this.#subjects.service.next(serviceName);
  }

  kexInit(message: KexInit, payload: Uint8Array, sequenceNumber: number): void {
    this.#kex.receiveKexInit(message, payload, sequenceNumber);
  }

  newKeys(): void {
    this.#kex.receiveNewKeys();
  }

  wrongGuess(): void {
    this.#kex.passOverGuess();
  }

  kexMessages(): readonly MessageRow[] {
    return this.#kex.methodMessages;
  }

  kexMethod(message: KexMessage): void {
    this.#kex.receiveMethodMessage(message);
  }

  ping(data: Uint8Array): void {
    this.#connection.send({ type: 'PONG', data });
  }

  upper(inbound: InboundMessage): void {
    this.#subjects.upper.next(inbound);
  }

  notUnderstood(packetSequenceNumber: number): void {
    this.#connection.send({ type: 'UNIMPLEMENTED', packetSequenceNumber });
  }
}
