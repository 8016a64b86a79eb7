/** Trace events in words, for logs. */
import { escapeText, type SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import type { DirectionAlgorithms } from '../transport/negotiation.ts';
import type { Handshake } from './handshake.ts';
import type { HexOptions, PacketEvent, TraceEvent } from './trace.ts';

/** What is told of packets. */
export interface TraceTextOptions {
  /** The bytes of packets too, without secrets; see {@link PacketEvent.hex}. */
  readonly hex?: boolean | HexOptions;
}

/**
 * An event as lines for a log, without time and without line ends. Whatever comes from the peer is escaped. With `hex` it is to be
 * called while the event is told.
 */
export function traceText(event: TraceEvent, { hex = false }: TraceTextOptions = {}): string[] {
  return lines(event, hex).map((line) => escapeText(line, Infinity));
}

/**
 * How much one has to want to know to be told of an event: 1 is what was agreed on, who was logged in and how it ended, 2 what happens
 * on the way there, and channels, 3 every packet.
 */
export function traceLevel(event: TraceEvent): 1 | 2 | 3 {
  switch (event.type) {
    case 'handshake':
    case 'warning':
      return 1;
    case 'auth':
      return event.outcome === 'accepted' ? 1 : 2;
    case 'packet':
      return 3;
    default:
      return 2;
  }
}

function lines(event: TraceEvent, hex: boolean | HexOptions): readonly string[] {
  switch (event.type) {
    case 'packet':
      return packet(event, hex);
    case 'identification':
      return [`the peer is ${event.line}`];
    case 'key-exchange':
      return [`key exchange: ${event.state}`];
    case 'handshake':
      return handshake(event.handshake);
    case 'warning':
      return [`warning: ${event.message}`];
    case 'auth': {
      const { user, method, outcome, with: credential = '' } = event;
      return outcome === 'accepted'
        ? [`${user} logged in by ${method} ${credential}`.trimEnd()]
        : [`${method} for ${user}: ${outcome} ${credential}`.trimEnd()];
    }
    case 'host-keys':
      return [`host keys: ${event.outcome}`];
    case 'channel':
      return [`channel ${String(event.channel)} ${event.channelType}: ${event.state}`];
    case 'debug':
      return [`the peer says: ${event.message}`];
    case 'closed':
      return [`the connection has ended: ${ending(event.error)}`];
  }
}

/** What `released` says is for whoever uses what was let go; here nothing is wrong. */
function ending(error: SshError): string {
  return error.kind === 'released' ? 'it was let go' : error.message;
}

function packet(event: PacketEvent, hex: boolean | HexOptions): readonly string[] {
  const { direction, sequenceNumber, message, channel, bytes } = event;
  const way = direction === 'in' ? 'received' : 'sent';
  const where = channel === undefined ? '' : ` channel ${String(channel)}`;
  const head = `${way} ${String(sequenceNumber)} ${message}${where}, ${String(bytes)} bytes`;
  if (hex === false) return [head];
  return [`${head}: ${event.hex(hex === true ? {} : hex) ?? ''}`];
}

function handshake(record: Handshake): readonly string[] {
  const { algorithms, hostKey, peerIdentification } = record;
  const { kex, clientToServer, serverToClient } = algorithms;
  const { identification, keyExchange } = record.timings;
  return [
    `${peerIdentification}, key exchange ${kex}`,
    `to the server ${direction(clientToServer)}`,
    `from the server ${direction(serverToClient)}`,
    ...(hostKey === undefined ? [] : [`host key ${hostKey.algorithm} ${fingerprint(hostKey.key)}`]),
    `identification after ${ms(identification)}, keys after ${ms(keyExchange)} more`,
  ];
}

function direction({ cipher, mac, compression }: DirectionAlgorithms): string {
  const protection = mac === '' ? cipher : `${cipher} ${mac}`;
  return compression === 'none' ? protection : `${protection}, compressed by ${compression}`;
}

function ms(milliseconds: number): string {
  return `${milliseconds.toFixed(1)} ms`;
}
