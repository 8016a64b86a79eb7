/** What a connection can tell about itself while it works; nobody listening costs nothing. */
import type { SshError } from '../errors.ts';
import { readUint32, toHex, utf8Text } from '../wire/bytes.ts';
import { type Handshake, type HandshakeWarning, warningsOf } from './handshake.ts';

/** Something that has happened on a connection. Secrets are never part of it. */
export type TraceEvent =
  | PacketEvent
  | { readonly type: 'identification'; readonly line: string }
  | { readonly type: 'key-exchange'; readonly state: string }
  /** Keys are in use: the first ones, or new ones. */
  | { readonly type: 'handshake'; readonly handshake: Handshake }
  /** Something weak was agreed on; behind the `handshake` that did. */
  | ({ readonly type: 'warning' } & HandshakeWarning)
  /** One try to log in; `accepted` is the last one. `with` is a key's fingerprint and source. */
  | {
      readonly type: 'auth';
      readonly user: string;
      readonly method: string;
      readonly outcome: string;
      readonly with?: string;
    }
  /** What became of the host keys that the server told of. */
  | { readonly type: 'host-keys'; readonly outcome: string }
  /** A channel of ours or of the peer, by our number. */
  | {
      readonly type: 'channel';
      readonly channel: number;
      readonly channelType: string;
      readonly state: 'opening' | 'open' | 'refused' | 'closed';
    }
  | { readonly type: 'debug'; readonly message: string; readonly alwaysDisplay: boolean }
  /** The connection has ended, however it did. */
  | { readonly type: 'closed'; readonly error: SshError };

/** Receives trace events. What it throws ends the connection with `config`. */
export type Tracer = (event: TraceEvent) => void;

/** Tells what was agreed on, and what to warn of. */
export function traceHandshake(trace: Tracer | undefined, handshake: Handshake): void {
  if (trace === undefined) return;
  trace({ type: 'handshake', handshake });
  for (const warning of warningsOf(handshake)) trace({ type: 'warning', ...warning });
}

/** What the hexadecimal digits of a packet show. */
export interface HexOptions {
  /**
   * Also what channels carry: their data and the details of their requests. A person may have typed a password there, and a program
   * may have sent a key: for tests.
   */
  readonly contents?: boolean;
}

/** How much of a payload may be seen, and what the rest is. */
interface Shown {
  readonly length: number;
  readonly rest: 'nothing' | 'contents' | 'secret';
}

const CHANNEL_OPEN = 90;
const FIRST_OF_CHANNEL = 91;
const LAST_OF_CHANNEL = 100;
/** What follows the name of these methods is known, and no secret (RFC 4252 §7, §9; RFC 4256 §3.1). */
const METHODS_WITHOUT_SECRET = ['none', 'publickey', 'hostbased', 'keyboard-interactive'];

/** One packet that has come or that leaves. */
export class PacketEvent {
  readonly type = 'packet';
  readonly direction: 'in' | 'out';
  /** Of the packet in its direction (RFC 4253 §6.4). */
  readonly sequenceNumber: number;
  /** The RFC's name of the message without `SSH_MSG_`, or its number when it has none here. */
  readonly message: string;
  /** Of the payload. Of one with a secret, the bytes before it: nobody shall count a password's letters. */
  readonly bytes: number;
  /** The number in a message about a channel: the recipient's, as it stands there (the sender's in CHANNEL_OPEN). */
  readonly channel: number | undefined;
  #payload: Uint8Array | undefined;

  constructor(
    direction: 'in' | 'out',
    sequenceNumber: number,
    message: string,
    payload: Uint8Array,
  ) {
    this.direction = direction;
    this.sequenceNumber = sequenceNumber;
    this.message = message;
    const { rest, length } = shownOf(message, payload);
    this.bytes = rest === 'secret' ? length : payload.length;
    this.channel = channelOf(payload);
    this.#payload = payload;
  }

  /**
   * The payload as hexadecimal digits, without secrets. To be called while the event is told: afterwards the bytes are gone, and
   * so it is `undefined`.
   */
  hex({ contents = false }: HexOptions = {}): string | undefined {
    const payload = this.#payload;
    if (payload === undefined) return undefined;
    const { length, rest } = shownOf(this.message, payload);
    if (rest === 'nothing' || (contents && rest === 'contents')) return toHex(payload);
    const head = toHex(payload.subarray(0, length));
    return rest === 'secret'
      ? `${head} [secret]`
      : `${head} [${String(payload.length - length)} bytes]`;
  }

  /**
   * The bytes are somebody else's again.
   *
   * @internal
   */
  forget(): void {
    this.#payload = undefined;
  }
}

/** Tells of a packet, where somebody listens. */
export function tracePacket(
  trace: Tracer | undefined,
  direction: 'in' | 'out',
  sequenceNumber: number,
  message: string,
  payload: Uint8Array,
): void {
  if (trace === undefined) return;
  const event = new PacketEvent(direction, sequenceNumber, message, payload);
  try {
    trace(event);
  } finally {
    event.forget();
  }
}

function channelOf(payload: Uint8Array): number | undefined {
  const number = payload[0] ?? 0;
  if (number === CHANNEL_OPEN) return readUint32(payload, behindString(payload, 1));
  if (number < FIRST_OF_CHANNEL || number > LAST_OF_CHANNEL) return undefined;
  return readUint32(payload, 1);
}

function shownOf(message: string, payload: Uint8Array): Shown {
  switch (message) {
    case 'USERAUTH_REQUEST': {
      const atMethod = behindString(payload, behindString(payload, 1));
      const length = behindString(payload, atMethod);
      const method = utf8Text(payload.subarray(atMethod + 4, length));
      return { length, rest: METHODS_WITHOUT_SECRET.includes(method) ? 'nothing' : 'secret' };
    }
    case 'USERAUTH_INFO_RESPONSE':
      return { length: 1, rest: 'secret' };
    case 'CHANNEL_DATA':
      return { length: 5, rest: 'contents' };
    case 'CHANNEL_EXTENDED_DATA':
      return { length: 9, rest: 'contents' };
    case 'CHANNEL_REQUEST': {
      const length = behindString(payload, 5) + 1;
      const isCookie = utf8Text(payload.subarray(9, length - 1)) === 'x11-req';
      return { length, rest: isCookie ? 'secret' : 'contents' };
    }
    default:
      // by its number: it was not read, and nobody knows what is in it
      return /^\d/.test(message)
        ? { length: 1, rest: 'secret' }
        : { length: payload.length, rest: 'nothing' };
  }
}

/** Where the string (RFC 4251 §5) at `at` ends. */
function behindString(payload: Uint8Array, at: number): number {
  return Math.min(at + 4 + readUint32(payload, at), payload.length);
}
