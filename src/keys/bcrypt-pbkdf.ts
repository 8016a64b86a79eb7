/**
 * bcrypt_pbkdf, the key derivation of OpenSSH's private key files (OpenBSD's bcrypt_pbkdf(3); it has no RFC). It is made to
 * be slow, so it yields to the event loop again and again: other connections go on while a passphrase is tried.
 */
import { defaultProvider } from '#crypto';
import { BCRYPT_HASH_LENGTH, bcryptHash } from '../crypto/bcrypt-hash.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { abortedError, SshError } from '../errors.ts';
import { concatBytes, writeUint32 } from '../wire/bytes.ts';

/** Most rounds that are worked through: about ten seconds; more is an attack or a mistake. */
export const MAX_BCRYPT_ROUNDS = 1024;

/** One round takes up to 6 ms: timers and sockets wait no longer than two of them. */
const ROUNDS_PER_TURN = 2;

/** What `bcryptPbkdf` derives from. */
export interface BcryptPbkdfOptions {
  /** At least one byte. */
  readonly passphrase: Uint8Array;
  /** At least one byte. */
  readonly salt: Uint8Array;
  /** 1 to `MAX_BCRYPT_ROUNDS`. */
  readonly rounds: number;
  /** Bytes wanted: 1 to 1024. */
  readonly length: number;
  readonly provider?: CryptoProvider;
  /** Gives up between two rounds. */
  readonly signal?: AbortSignal;
}

/**
 * Derives key bytes from a passphrase. Rejects with a `config` error for arguments out of range, before any work is done, and
 * with an `aborted` error when the signal fires.
 */
export async function bcryptPbkdf(options: BcryptPbkdfOptions): Promise<Uint8Array> {
  const { passphrase, salt, rounds, length, signal, provider = defaultProvider } = options;
  checkRange('passphrase', passphrase.length, Infinity);
  checkRange('salt', salt.length, 1 << 20);
  checkRange('rounds', rounds, MAX_BCRYPT_ROUNDS);
  checkRange('length', length, BCRYPT_HASH_LENGTH ** 2);

  const hashedPassphrase = provider.hash('sha512', [passphrase]);
  const blocks = Math.ceil(length / BCRYPT_HASH_LENGTH);
  const key = new Uint8Array(length);
  const count = new Uint8Array(4);
  for (let block = 0; block < blocks; block++) {
    writeUint32(count, 0, block + 1);
    const output = await hashRounds(
      hashedPassphrase,
      provider.hash('sha512', [concatBytes([salt, count])]),
      { rounds, provider, signal },
    );
    // The blocks are interleaved, so that no part of the key costs less than the whole.
    for (let i = 0; i * blocks + block < length; i++) key[i * blocks + block] = output[i] ?? 0;
    output.fill(0);
  }
  hashedPassphrase.fill(0);
  return key;
}

async function hashRounds(
  passphrase: Uint8Array,
  firstSalt: Uint8Array,
  work: {
    readonly rounds: number;
    readonly provider: CryptoProvider;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Uint8Array> {
  const output = new Uint8Array(BCRYPT_HASH_LENGTH);
  let salt = firstSalt;
  for (let round = 0; round < work.rounds; round++) {
    if (round % ROUNDS_PER_TURN === 0) await nextTurn();
    if (work.signal?.aborted === true) throw abortedError(work.signal);
    const hashed = bcryptHash(passphrase, salt);
    for (let i = 0; i < output.length; i++) output[i] = (output[i] ?? 0) ^ (hashed[i] ?? 0);
    salt = work.provider.hash('sha512', [hashed]);
  }
  return output;
}

/** A timer, because a promise alone would let no socket have its turn. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function checkRange(option: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new SshError('config', `bcrypt_pbkdf: ${option} ${String(value)} out of range`, {
    option,
  });
}
