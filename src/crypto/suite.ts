/**
 * What protects the packets of one direction between two NEWKEYS: how a packet is padded, sealed, measured, verified and
 * opened. A cipher row and a MAC row make a sealer for what goes out and an opener for what comes in; the stages of the
 * pipeline call them without knowing which algorithm it is.
 *
 * A sealed packet is `packet_length (4) | padding_length | payload | padding | tag`, whatever of it is encrypted.
 */

/** The shape of a packet under an algorithm (RFC 4253 §6). */
export interface PacketShape {
  /** What the padding aligns to: the cipher's block size, 8 at least. */
  readonly blockSize: number;
  /** Bytes of MAC or authentication tag behind the packet. */
  readonly tagLength: number;
  /** Does packet_length count in the alignment? Not for AEADs and encrypt-then-MAC, which leave it outside. */
  readonly lengthIsAligned: boolean;
}

/** Seals outgoing packets. */
export interface Sealer extends PacketShape {
  /**
   * Seals one packet into `target`.
   *
   * @param packet - `packet_length | padding_length | payload | padding` in the clear
   * @param sequenceNumber - of this packet in its direction
   * @param target - receives the sealed packet from `offset` on; it has `packet.length + tagLength` bytes of room there
   */
  seal(packet: Uint8Array, sequenceNumber: number, target: Uint8Array, offset: number): void;
}

/**
 * Opens incoming packets. Each is handed through `packetLength`, `verifyCiphertext`, `decrypt` and `verifyPlaintext`, once and
 * in this order; what an algorithm does not do in a step it answers with `true`.
 */
export interface Opener extends PacketShape {
  /** Bytes at the start of a packet from which its length can be told: 4, or a block when the length is encrypted with the rest. */
  readonly headLength: number;
  /**
   * Must nothing be told of a fault before as much has come as the longest packet has? Else the time of the answer tells what a
   * block of CBC decrypts to, that an attacker has put in place of packet_length (CVE-2008-5161).
   */
  readonly concealsFaults?: boolean;
  /** packet_length of the packet that begins with `head`; stateful ciphers may keep the opened block for `decrypt`. */
  packetLength(head: Uint8Array, sequenceNumber: number): number;
  /** Is the MAC over the ciphertext right? An AEAD that verifies while it decrypts answers `true` here. */
  verifyCiphertext(packet: Uint8Array, sequenceNumber: number): boolean;
  /** `padding_length | payload | padding` in fresh memory; `undefined` when an AEAD's tag is wrong. */
  decrypt(packet: Uint8Array, sequenceNumber: number): Uint8Array | undefined;
  /** Is the MAC over the plaintext right (encrypt-and-MAC only)? */
  verifyPlaintext(plaintext: Uint8Array, packet: Uint8Array, sequenceNumber: number): boolean;
}

/** Keys of one direction (RFC 4253 §7.2). */
export interface DirectionKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly macKey: Uint8Array;
}
