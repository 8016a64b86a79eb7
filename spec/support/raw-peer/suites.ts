/**
 * What protects a packet, for the raw peer alone: AES-GCM (RFC 5647), AES-CTR with HMAC in both orders (RFC 4344, OpenSSH
 * PROTOCOL 1.5) and chacha20-poly1305@openssh.com, straight from node:crypto.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  type DecipherGCM,
  timingSafeEqual,
} from 'node:crypto';
import { cat, u32 } from './bytes.ts';
import { poly1305 } from './poly1305.ts';

/** One direction between two NEWKEYS. A packet is `packet_length | padding_length | payload | padding` in the clear. */
export interface Codec {
  /** What the padding aligns to. */
  readonly block: number;
  /** Does packet_length count in the alignment? */
  readonly alignsLength: boolean;
  readonly tag: number;
  /** Bytes from which the length can be told. */
  readonly head: number;
  seal(packet: Buffer, sequence: number): Buffer;
  length(head: Buffer, sequence: number): number;
  /** `padding_length | payload | padding`. Throws when the packet does not verify. */
  open(sealed: Buffer, sequence: number): Buffer;
}

/** The keys of one direction. */
export interface Keys {
  readonly iv: Buffer;
  readonly key: Buffer;
  readonly mac: Buffer;
}

/** A cipher and what goes with it. */
export interface SuiteRow {
  readonly cipher: string;
  /** `undefined` for an AEAD. */
  readonly mac?: string;
  readonly lengths: { readonly iv: number; readonly key: number; readonly mac: number };
  create(keys: Keys): Codec;
}

/** Before the first NEWKEYS. */
export const PLAIN: Codec = {
  ...{ block: 8, alignsLength: true, tag: 0, head: 4 },
  seal: (packet) => packet,
  length: (head) => head.readUInt32BE(0),
  open: (packet) => packet.subarray(4),
};

function gcm(bits: 128 | 256): SuiteRow {
  return {
    cipher: `aes${String(bits)}-gcm@openssh.com`,
    lengths: { iv: 12, key: bits / 8, mac: 0 },
    create({ key, iv }) {
      const nonce = Buffer.from(iv);
      const count = (): void => {
        nonce.writeBigUInt64BE(BigInt.asUintN(64, nonce.readBigUInt64BE(4) + 1n), 4);
      };
      const algorithm = bits === 128 ? 'aes-128-gcm' : 'aes-256-gcm';
      return {
        ...{ block: 16, alignsLength: false, tag: 16, head: 4 },
        length: (head) => head.readUInt32BE(0),
        seal(packet) {
          const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: 16 });
          cipher.setAAD(packet.subarray(0, 4));
          const body = cat(cipher.update(packet.subarray(4)), cipher.final());
          count();
          return cat(packet.subarray(0, 4), body, cipher.getAuthTag());
        },
        open(sealed) {
          const decipher: DecipherGCM = createDecipheriv(algorithm, key, nonce, {
            authTagLength: 16,
          });
          decipher.setAAD(sealed.subarray(0, 4));
          decipher.setAuthTag(sealed.subarray(-16));
          const body = cat(decipher.update(sealed.subarray(4, -16)), decipher.final());
          count();
          return body;
        },
      };
    },
  };
}

function ctr(
  bits: 128 | 256,
  mac: 'hmac-sha2-256' | 'hmac-sha2-512',
  etm: boolean,
  mode: 'ctr' | 'cbc' = 'ctr',
): SuiteRow {
  const hash = mac === 'hmac-sha2-256' ? 'sha256' : 'sha512';
  const tag = mac === 'hmac-sha2-256' ? 32 : 64;
  return {
    cipher: `aes${String(bits)}-${mode}`,
    mac: etm ? `${mac}-etm@openssh.com` : mac,
    lengths: { iv: 16, key: bits / 8, mac: tag },
    create({ key, iv, mac: macKey }) {
      const algorithm = `aes-${String(bits)}-${mode}`;
      const encrypt = createCipheriv(algorithm, key, iv).setAutoPadding(false);
      const decrypt = createDecipheriv(algorithm, key, iv).setAutoPadding(false);
      const tagOf = (sequence: number, bytes: Buffer): Buffer =>
        createHmac(hash, macKey).update(u32(sequence)).update(bytes).digest();
      const check = (expected: Buffer, sealed: Buffer): void => {
        if (!timingSafeEqual(expected, sealed.subarray(-tag))) throw new Error('raw peer: bad MAC');
      };
      let first = Buffer.alloc(0);
      return {
        ...{ block: 16, alignsLength: !etm, tag, head: etm ? 4 : 16 },
        seal(packet, sequence) {
          if (!etm) return cat(encrypt.update(packet), tagOf(sequence, packet));
          const sealed = cat(packet.subarray(0, 4), encrypt.update(packet.subarray(4)));
          return cat(sealed, tagOf(sequence, sealed));
        },
        length(head) {
          if (etm) return head.readUInt32BE(0);
          if (first.length === 0) first = decrypt.update(head.subarray(0, 16));
          return first.readUInt32BE(0);
        },
        open(sealed, sequence) {
          if (etm) {
            check(tagOf(sequence, sealed.subarray(0, -tag)), sealed);
            return decrypt.update(sealed.subarray(4, -tag));
          }
          const packet = cat(first, decrypt.update(sealed.subarray(16, -tag)));
          first = Buffer.alloc(0);
          check(tagOf(sequence, packet), sealed);
          return packet.subarray(4);
        },
      };
    },
  };
}

const chacha: SuiteRow = {
  cipher: 'chacha20-poly1305@openssh.com',
  lengths: { iv: 0, key: 64, mac: 0 },
  create({ key }) {
    const stream = (half: Buffer, sequence: number, counter: number, bytes: Buffer): Buffer => {
      // OpenSSL: counter of 64 bits, little-endian, and the nonce of 64
      const iv = Buffer.alloc(16);
      iv.writeUInt32LE(counter);
      iv.writeUInt32BE(sequence, 12);
      return createCipheriv('chacha20', half, iv).update(bytes);
    };
    const [main, lengths] = [key.subarray(0, 32), key.subarray(32)];
    const tagOf = (sequence: number, bytes: Buffer): Buffer =>
      poly1305(stream(main, sequence, 0, Buffer.alloc(32)), bytes);
    return {
      ...{ block: 8, alignsLength: false, tag: 16, head: 4 },
      length: (head, sequence) => stream(lengths, sequence, 0, head.subarray(0, 4)).readUInt32BE(0),
      seal(packet, sequence) {
        const length = stream(lengths, sequence, 0, packet.subarray(0, 4));
        const sealed = cat(length, stream(main, sequence, 1, packet.subarray(4)));
        return cat(sealed, tagOf(sequence, sealed));
      },
      open(sealed, sequence) {
        if (!timingSafeEqual(tagOf(sequence, sealed.subarray(0, -16)), sealed.subarray(-16)))
          throw new Error('raw peer: bad tag');
        return stream(main, sequence, 1, sealed.subarray(4, -16));
      },
    };
  },
};

/** What the raw peer can speak. */
export const RAW_SUITES: readonly SuiteRow[] = [
  gcm(128),
  gcm(256),
  ctr(256, 'hmac-sha2-256', false),
  ctr(256, 'hmac-sha2-256', true),
  ctr(128, 'hmac-sha2-512', true),
  chacha,
];

/** Weak: for what must not be told of it. */
export const RAW_CBC: Readonly<Record<'etm' | 'mac', SuiteRow>> = {
  etm: ctr(128, 'hmac-sha2-256', true, 'cbc'),
  mac: ctr(128, 'hmac-sha2-256', false, 'cbc'),
};

/** The name of a suite, for titles of specs. */
export function suiteName({ cipher, mac }: SuiteRow): string {
  return mac === undefined ? cipher : `${cipher} with ${mac}`;
}

/** The suite of these names. */
export function rawSuite(cipher: string, mac = ''): SuiteRow {
  const row = RAW_SUITES.find((each) => each.cipher === cipher && (each.mac ?? '') === mac);
  if (row === undefined) throw new Error(`the raw peer has no ${cipher} ${mac}`);
  return row;
}
