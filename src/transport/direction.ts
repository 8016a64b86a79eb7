/**
 * The cells in which the stages of the pipeline find the current keys: one for each direction. Keys change here and nowhere
 * else, so the pipe is never rebuilt, and a change takes effect exactly at NEWKEYS in that direction (RFC 4253 §7.3).
 */
import type { PayloadCodec } from '../crypto/compression.ts';
import { plainOpener, plainSealer } from '../crypto/plain.ts';
import type { Opener, Sealer } from '../crypto/suite.ts';
import { protocolError } from '../errors.ts';

/** Packet lengths that are accepted before and after authentication; bounds what one packet makes us keep. */
export const MAX_PACKET_LENGTH_BEFORE_AUTH = 35_000;
export const MAX_PACKET_LENGTH = 262_144;

/** What has passed since the keys were taken into use; rekeying looks at it (RFC 4253 §9, RFC 4344 §3). */
interface Usage {
  /** Packets that have passed. */
  packets: number;
  /** Their bytes on the wire. */
  bytes: number;
  /** What had passed when the keys were taken into use. */
  earlier: { readonly packets: number; readonly bytes: number };
}

/** What has passed in one direction. */
type Traffic = Usage['earlier'];

/** What has passed on a connection, either way. */
export interface Counters {
  readonly packetsSent: number;
  /** On the wire: headers, padding and tags included, the identification line not. */
  readonly bytesSent: number;
  readonly packetsReceived: number;
  /** On the wire, too. */
  readonly bytesReceived: number;
}

const NOTHING: Traffic = { packets: 0, bytes: 0 };

/** Before anything has passed. */
export const NO_TRAFFIC: Counters = {
  packetsSent: 0,
  bytesSent: 0,
  packetsReceived: 0,
  bytesReceived: 0,
};

/** Whether somebody has logged in, for both directions; USERAUTH_SUCCESS says so. */
export interface LoginMark {
  isDone: boolean;
}

/** What payloads of a direction go through. */
interface Compressible {
  /** As it was agreed on with the keys; `undefined` where nothing is compressed. */
  codec: PayloadCodec | undefined;
  /** What a delayed codec waits for. */
  readonly login: LoginMark;
}

/** The incoming direction. */
export interface Inbound extends Usage, Compressible {
  /** Measures, verifies and decrypts. */
  opener: Opener;
  /** Of the next packet; wraps at 2³² (RFC 4253 §6.4). */
  sequenceNumber: number;
  /** Bytes that are still thrown away before a fault is told; `undefined` while there was none. See `Opener.concealsFaults`. */
  discard: number | undefined;
  /** Largest packet_length that is accepted, in bytes. */
  maximumPacketLength: number;
  /** Closed while the next packet's keys are not known yet: nothing is cut from the bytes that wait. */
  readonly gate: Gate;
}

/** The outgoing direction. */
export interface Outbound extends Usage, Compressible {
  /** Encrypts and authenticates. */
  sealer: Sealer;
  /** Of the next packet. */
  sequenceNumber: number;
  /** Held between our KEXINIT and our NEWKEYS: only messages of the key exchange may leave (RFC 4253 §7.1). */
  readonly gate: Gate;
}

/** Open or closed, with callbacks for those who wait until it opens. */
export class Gate {
  #isOpen = true;
  #waiting: (() => void)[] = [];

  /** Whether it is open; so it is at first. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Closes it. */
  close(): void {
    this.#isOpen = false;
  }

  /** Opens it and calls those who wait, in their order. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  /** Calls `resume` once when the gate opens next. */
  whenOpen(resume: () => void): void {
    this.#waiting.push(resume);
  }
}

/** A direction before any key exchange. */
export function initialInbound(login: LoginMark = { isDone: false }): Inbound {
  return {
    codec: undefined,
    login,
    opener: plainOpener,
    discard: undefined,
    sequenceNumber: 0,
    maximumPacketLength: MAX_PACKET_LENGTH_BEFORE_AUTH,
    gate: new Gate(),
    packets: 0,
    bytes: 0,
    earlier: NOTHING,
  };
}

/** A direction before any key exchange. */
export function initialOutbound(login: LoginMark = { isDone: false }): Outbound {
  return {
    codec: undefined,
    login,
    sealer: plainSealer,
    sequenceNumber: 0,
    gate: new Gate(),
    packets: 0,
    bytes: 0,
    earlier: NOTHING,
  };
}

/** Takes new keys into use; under strict key exchange the numbering begins anew (OpenSSH PROTOCOL 1.9). */
export function switchInbound(
  inbound: Inbound,
  opener: Opener,
  strict: boolean,
  inflater?: PayloadCodec,
): void {
  inbound.opener = opener;
  inbound.codec = inflater;
  beginUsage(inbound);
  if (strict) inbound.sequenceNumber = 0;
}

/** Takes new keys into use; under strict key exchange the numbering begins anew. */
export function switchOutbound(
  outbound: Outbound,
  sealer: Sealer,
  strict: boolean,
  deflater?: PayloadCodec,
): void {
  outbound.sealer = sealer;
  outbound.codec = deflater;
  beginUsage(outbound);
  if (strict) outbound.sequenceNumber = 0;
}

/** The codec that is at work now. */
export function currentCodec({ codec, login }: Compressible): PayloadCodec | undefined {
  return codec?.isDelayed === true && !login.isDone ? undefined : codec;
}

function beginUsage(usage: Usage): void {
  usage.earlier = trafficOf(usage);
  usage.packets = 0;
  usage.bytes = 0;
}

/** All that has passed, under these keys and those before them. */
export function countersOf(inbound: Inbound, outbound: Outbound): Counters {
  const [received, sent] = [trafficOf(inbound), trafficOf(outbound)];
  return {
    packetsSent: sent.packets,
    bytesSent: sent.bytes,
    packetsReceived: received.packets,
    bytesReceived: received.bytes,
  };
}

function trafficOf({ packets, bytes, earlier }: Usage): Traffic {
  return { packets: earlier.packets + packets, bytes: earlier.bytes + bytes };
}

/**
 * A packet does not verify. Where the cipher conceals it, the rest of the longest packet is awaited before anything is told.
 *
 * @param received - bytes of the packet that were taken
 * @returns whether it is concealed
 */
export function conceal(inbound: Inbound, received: number): boolean {
  if (inbound.opener.concealsFaults !== true) return false;
  inbound.discard = Math.max(0, MAX_PACKET_LENGTH - received);
  return true;
}

/**
 * Checks a received packet_length before anything is kept for it (RFC 4253 §6).
 *
 * @returns the bytes of the whole packet on the wire, tag included; `undefined` for a fault that is concealed
 */
export function checkedPacketSize(inbound: Inbound, packetLength: number): number | undefined {
  const { opener, maximumPacketLength } = inbound;
  const aligned = opener.lengthIsAligned ? packetLength + 4 : packetLength;
  // padding_length, one byte of payload and four of padding are the least
  if (packetLength < 6 || packetLength > maximumPacketLength || aligned % opener.blockSize !== 0) {
    if (conceal(inbound, 0)) return undefined;
    // a wrong key or a changed byte shows itself here first, so nothing is told that MAC_ERROR would not tell
    throw protocolError(`packet_length of ${String(packetLength)}`, opener.tagLength > 0 ? 5 : 2);
  }
  return 4 + packetLength + opener.tagLength;
}
