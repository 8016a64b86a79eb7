import type { MonoTypeOperatorFunction } from 'rxjs';
import { DisconnectReason } from '../messages/codes.ts';
import { protocolError } from '../errors.ts';
import { conceal, type Inbound } from '../transport/direction.ts';
import type { DecryptedPacket } from './decrypt.ts';
import type { SealedPacket } from './frame.ts';
import { lift } from './lift.ts';

/**
 * Lets only sealed packets through whose MAC over the ciphertext is right (encrypt-then-MAC); a no-op for the others.
 * Errors with `protocol` (MAC_ERROR).
 *
 * @param inbound - the cell with the current keys
 */
export function verifyCiphertext(inbound: Inbound): MonoTypeOperatorFunction<SealedPacket> {
  return lift((out) => ({
    next(sealed): void {
      if (!inbound.opener.verifyCiphertext(sealed.packet, sealed.sequenceNumber)) throw macError();
      out.next(sealed);
    },
  }));
}

/**
 * Lets only decrypted packets through whose MAC over the plaintext is right (encrypt-and-MAC); a no-op for the others.
 * Errors with `protocol` (MAC_ERROR); under a cipher that conceals faults `frame` does, later.
 *
 * @param inbound - the cell with the current keys
 */
export function verifyPlaintext(inbound: Inbound): MonoTypeOperatorFunction<DecryptedPacket> {
  return lift((out) => ({
    next(decrypted): void {
      const { plaintext, packet, sequenceNumber } = decrypted;
      if (inbound.opener.verifyPlaintext(plaintext, packet, sequenceNumber)) out.next(decrypted);
      else if (!conceal(inbound, packet.length)) throw macError();
    },
  }));
}

/** One error for every algorithm and every way in which a packet does not verify: a peer learns nothing from it. */
export function macError(): Error {
  return protocolError('a packet does not verify', DisconnectReason.MAC_ERROR);
}
