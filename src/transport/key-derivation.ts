/** The exchange hash and the keys that come of it (RFC 4253 §7.2 and §8). */
import type { CryptoProvider, HashName } from '../crypto/provider.ts';
import type { DirectionKeys } from '../crypto/suite.ts';
import { concatBytes, utf8Bytes } from '../wire/bytes.ts';
import { unsignedToMpint, Writer } from '../wire/writer.ts';
import type { Role } from './role.ts';

/** What both sides have said in a key exchange, as it goes into the hash. */
export interface ExchangeRecord {
  /** Identification strings without CR LF. */
  readonly clientIdentification: Uint8Array;
  readonly serverIdentification: Uint8Array;
  /** Payloads of the KEXINIT messages. */
  readonly clientKexInit: Uint8Array;
  readonly serverKexInit: Uint8Array;
  /** The server's public host key blob. */
  readonly hostKey: Uint8Array;
  /** What the method adds between host key and secret, as encoded: Q_C and Q_S, or e and f, … */
  readonly exchangeValues: Uint8Array;
  /** The shared secret as encoded: an mpint, or a string for the hybrid methods. */
  readonly sharedSecret: Uint8Array;
}

/** A shared secret in the encoding of its method. */
export function encodeSharedSecret(secret: Uint8Array, encoding: 'mpint' | 'string'): Uint8Array {
  return new Writer().string(encoding === 'mpint' ? unsignedToMpint(secret) : secret).bytes();
}

/** H of RFC 4253 §8. */
export function exchangeHash(
  provider: CryptoProvider,
  hash: HashName,
  record: ExchangeRecord,
): Uint8Array {
  const writer = new Writer(1024)
    .string(record.clientIdentification)
    .string(record.serverIdentification)
    .string(record.clientKexInit)
    .string(record.serverKexInit)
    .string(record.hostKey)
    .raw(record.exchangeValues)
    .raw(record.sharedSecret);
  return provider.hash(hash, [writer.view()]);
}

/** What the keys of one exchange are derived from. */
export interface KeySource {
  readonly provider: CryptoProvider;
  readonly hash: HashName;
  readonly sharedSecret: Uint8Array;
  readonly exchangeHash: Uint8Array;
  readonly sessionId: Uint8Array;
}

/** Letters of RFC 4253 §7.2: initial IV, encryption key, integrity key. */
const LETTERS = { client: ['A', 'C', 'E'], server: ['B', 'D', 'F'] } as const;

/**
 * The keys of what `sender` sends.
 *
 * @param lengths - in bytes, as the cipher and the MAC ask for them
 */
export function deriveKeys(
  source: KeySource,
  sender: Role,
  lengths: { readonly iv: number; readonly key: number; readonly mac: number },
): DirectionKeys {
  const [iv, key, mac] = LETTERS[sender];
  return {
    iv: deriveKey(source, iv, lengths.iv),
    key: deriveKey(source, key, lengths.key),
    macKey: deriveKey(source, mac, lengths.mac),
  };
}

/** K1 = HASH(K ‖ H ‖ X ‖ session_id), K2 = HASH(K ‖ H ‖ K1), … until it is long enough. */
function deriveKey(source: KeySource, letter: string, length: number): Uint8Array {
  const { provider, hash, sharedSecret, sessionId } = source;
  let key: Uint8Array = new Uint8Array(0);
  while (key.length < length) {
    const salt = key.length === 0 ? [utf8Bytes(letter), sessionId] : [key];
    key = concatBytes([key, provider.hash(hash, [sharedSecret, source.exchangeHash, ...salt])]);
  }
  return key.slice(0, length);
}
