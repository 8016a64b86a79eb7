/**
 * Keys that live in a security key (OpenSSH PROTOCOL.u2f): their signatures are over what the device has seen, and say how it came
 * to sign.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';

/** What a security key says with a signature. */
export interface SecurityKeyState {
  /** Somebody has touched it. */
  readonly isTouched: boolean;
  /** It has verified who that was, by a PIN or a fingerprint. */
  readonly isUserVerified: boolean;
  /** Signatures so far, as the device counts them: it may count each key, or all together, or not at all. */
  readonly counter: number;
}

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
/** Flags, then the counter. */
const STATE_LENGTH = 5;

/** Is it a type of key, or an algorithm, of security keys? */
export function isSecurityKeyType(name: string): boolean {
  return name.startsWith('sk-');
}

/** What stands at the end of a signature blob; `undefined` for one of another kind of key. Throws `protocol` when it is too short. */
export function securityKeyState(
  algorithm: string,
  signature: Uint8Array,
): SecurityKeyState | undefined {
  if (!isSecurityKeyType(algorithm)) return undefined;
  const reader = new Reader(signature.subarray(-STATE_LENGTH), 'security key signature');
  const flags = reader.byte();
  return {
    isTouched: (flags & USER_PRESENT) !== 0,
    isUserVerified: (flags & USER_VERIFIED) !== 0,
    counter: reader.uint32(),
  };
}

/** Takes the state off the end of a signature, and makes of the data what the device has signed. */
export function securityKeyData(
  application: string,
  data: Uint8Array,
  reader: Reader,
  provider: CryptoProvider,
): Uint8Array {
  const state = reader.fixed(STATE_LENGTH);
  return new Writer()
    .raw(provider.hash('sha256', [utf8Bytes(application)]))
    .raw(state)
    .raw(provider.hash('sha256', [data]))
    .bytes();
}
