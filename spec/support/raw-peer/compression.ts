/**
 * The raw peer's compression, on node:zlib. What it sends refers to nothing that was sent before, which a stream may do; what it
 * receives it inflates from the beginning of the stream each time.
 */
import { constants, deflateRawSync, deflateSync, inflateSync } from 'node:zlib';
import { byte, cat } from './bytes.ts';
import type { PacketPeer } from './packet-peer.ts';
import type { Codec } from './suites.ts';

const FLUSH = { finishFlush: constants.Z_SYNC_FLUSH };

/** One stream out; the first packet has zlib's header in front. */
export class Zip {
  #isBegun = false;

  pack(payload: Uint8Array): Buffer {
    const packed = this.#isBegun
      ? deflateRawSync(payload, { ...FLUSH, level: 9 })
      : deflateSync(payload, { ...FLUSH, level: 9 });
    this.#isBegun = true;
    return packed;
  }
}

/** From now on what the other end sends is a new stream of zlib. */
export function inflateFrom(peer: PacketPeer): void {
  let stream: Buffer = Buffer.alloc(0);
  let seen = 0;
  const sealed: Codec = peer.inbound;
  peer.inbound = {
    ...sealed,
    length: (head, sequence) => sealed.length(head, sequence),
    open(packet, sequence) {
      const body = sealed.open(packet, sequence);
      stream = cat(stream, body.subarray(1, body.length - body.readUInt8(0)));
      const payload = inflateSync(stream, FLUSH).subarray(seen);
      seen += payload.length;
      return cat(byte(0), payload);
    },
  };
}
