/**
 * The registry of compression (RFC 4253 §6.2): zlib (RFC 1950) with a partial flush behind each packet, one stream from NEWKEYS to
 * NEWKEYS in each direction. `pako` is loaded when it is agreed on for the first time: nobody else pays for it.
 */
import type * as Pako from 'pako';
import { protocolError, SshError } from '../errors.ts';
import { findRow, type Row } from './standing.ts';

/** What the payloads of one direction go through, one after the other; each depends on those before. */
export interface PayloadCodec {
  /** Are payloads as they are until somebody has logged in? */
  readonly isDelayed: boolean;
  /**
   * @param payload - one packet's
   * @param maximumLength - of what may come out, in bytes, for what comes from the peer
   * @returns a view that is good until the next call
   */
  apply(payload: Uint8Array, maximumLength: number): Uint8Array;
}

/** A way to compress. */
export interface CompressionRow extends Row {
  /** Does it wait for the login? Then nobody gets at the decompressor who is a stranger. */
  readonly isDelayed: boolean;
}

/** Every way to compress. What is compressed tells by its length what it has in common with what was sent before: off by default. */
export const COMPRESSIONS: readonly CompressionRow[] = [
  { name: 'none', standing: 'default', isDelayed: false },
  { name: 'zlib@openssh.com', standing: 'offered', isDelayed: true },
  { name: 'zlib', standing: 'legacy', isDelayed: false },
];

/** As zlib has it by default: what a higher one saves is not worth its time. */
const LEVEL = 6;
/** RFC 4253 §11.1. */
const COMPRESSION_ERROR = 6;
/** Room for what comes out; grows to what a packet needs. */
const INITIAL_ROOM = 64 * 1024;

let pako: typeof Pako | undefined;
/** Serves all connections: what comes out is copied on before anything else can. */
let room = new Uint8Array(0);

/**
 * Loads the codec when one of these names needs it.
 *
 * @returns `undefined` when there is nothing to wait for; rejects with `unsupported` when there is no `pako`
 */
export function loadCodec(...compressions: readonly string[]): Promise<void> | undefined {
  return pako === undefined && compressions.some(isCodec) ? load() : undefined;
}

/** Compresses what we send; `undefined` where payloads go as they are. */
export function deflaterFor(compression: string): PayloadCodec | undefined {
  return codecFor(compression, deflater);
}

/** Undoes the peer's compression; `undefined` where payloads come as they are. */
export function inflaterFor(compression: string): PayloadCodec | undefined {
  return codecFor(compression, inflater);
}

function isCodec(compression: string): boolean {
  return compression !== 'none';
}

async function load(): Promise<void> {
  try {
    pako = await import('pako');
  } catch (cause) {
    throw new SshError('unsupported', 'there is no pako', { feature: 'compression' }, { cause });
  }
}

function codecFor(
  compression: string,
  create: (zlib: typeof Pako) => PayloadCodec['apply'],
): PayloadCodec | undefined {
  const row = findRow(COMPRESSIONS, compression);
  if (row === undefined) throw protocolError(`compression ${compression} was not offered`);
  if (!isCodec(compression)) return undefined;
  if (pako === undefined) throw protocolError('compression before its codec is loaded');
  return { isDelayed: row.isDelayed, apply: create(pako) };
}

function deflater(zlib: typeof Pako): PayloadCodec['apply'] {
  const stream = new zlib.ZStream();
  zlib.zlibDeflateInit(stream, LEVEL);
  return (payload) => {
    take(stream, payload);
    for (let written = 0; ; written = stream.next_out) {
      giveRoom(stream, written, Infinity);
      const status = zlib.zlibDeflate(stream, zlib.Z_PARTIAL_FLUSH);
      if (status !== zlib.Z_OK && status !== zlib.Z_BUF_ERROR)
        throw compressionError(`zlib status ${status}`);
      // what it had more to say it says with more room
      if (stream.avail_out > 0) return room.subarray(0, stream.next_out);
    }
  };
}

function inflater(zlib: typeof Pako): PayloadCodec['apply'] {
  const stream = new zlib.ZStream();
  zlib.zlibInflateInit(stream);
  return (payload, maximumLength) => {
    take(stream, payload);
    for (let written = 0; ; written = stream.next_out) {
      giveRoom(stream, written, maximumLength);
      const status = zlib.zlibInflate(stream, zlib.Z_SYNC_FLUSH);
      // Z_BUF_ERROR says that there was nothing to do; the end of a stream must not come before the next NEWKEYS
      if (status !== zlib.Z_OK && status !== zlib.Z_BUF_ERROR)
        throw compressionError(`zlib status ${status}`);
      if (stream.avail_out > 0) return room.subarray(0, stream.next_out);
      if (stream.next_out >= maximumLength)
        throw compressionError(`a packet of more than ${maximumLength} bytes, uncompressed`);
    }
  };
}

function take(stream: Pako.ZStream, payload: Uint8Array): void {
  stream.input = payload;
  stream.next_in = 0;
  stream.avail_in = payload.length;
}

/** Gives a stream room behind what it has written, and keeps that. */
function giveRoom(stream: Pako.ZStream, written: number, maximumLength: number): void {
  if (written >= room.length) {
    const larger = new Uint8Array(Math.max(INITIAL_ROOM, room.length * 2));
    larger.set(room);
    room = larger;
  }
  stream.output = room;
  stream.next_out = written;
  stream.avail_out = Math.min(room.length, maximumLength) - written;
}

function compressionError(text: string): SshError<'protocol'> {
  return protocolError(`compression: ${text}`, COMPRESSION_ERROR);
}
