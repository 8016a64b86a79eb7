/**
 * The Node provider: node:crypto where it has a primitive, the portable provider for the rest. Not every Node stands on the
 * same OpenSSL (Electron's BoringSSL has no raw ChaCha20, a FIPS build has fewer curves), so each group of rows is tried once,
 * when this file is loaded; that takes three milliseconds.
 */
import { createECDH, generateKeyPairSync } from 'node:crypto';
import { equalBytes } from '../wire/bytes.ts';
import { nobleProvider } from './noble-provider.ts';
import { NODE_CURVES, nodeEd25519, nodeNistCurves, nodeX25519 } from './node-provider-curves.ts';
import { giveBack } from '../wire/give-back-node.ts';
import { nodeModp } from './node-provider-modp.ts';
import { nodeRsa } from './node-provider-rsa.ts';
import { DSA_BITS } from './dsa.ts';
import { nodeSymmetric, ownChacha20, plainBytes } from './node-provider-symmetric.ts';
import type { CryptoProvider, HashName } from './provider.ts';
import { wasmPoly1305 } from './wasm-poly1305.ts';

const HASHES: readonly HashName[] = ['sha1', 'sha256', 'sha384', 'sha512'];
const AES_KEYS = [16, 24, 32].map((length) => new Uint8Array(length));
const BLOCK = new Uint8Array(16);
const KEY = new Uint8Array(32);

const { randomBytes, hash, hmac, aesCtr, aesCbc, tripleDesCbc, aesGcm, chacha20 } = nodeSymmetric;

/** Every primitive, as fast as this Node has it. */
export const nodeProvider: CryptoProvider = {
  ...nobleProvider,
  name: 'node',
  randomBytes,
  giveBack,
  ...nodeRsa,
  dsaGenerate,
  chacha20: ownChacha20,
  ...wasmPoly1305(),
  ...whenWorking({ hash }, () => HASHES.every((name) => hash(name, [BLOCK]).length > 0)),
  ...whenWorking({ hmac }, () => HASHES.every((name) => hmac(name, KEY)([BLOCK]).length > 0)),
  ...whenWorking({ aesCtr }, () => AES_KEYS.every((key) => aesCtr(key, BLOCK)(KEY).length > 0)),
  ...whenWorking({ aesCbc }, () =>
    AES_KEYS.every((key) => aesCbc(key, BLOCK, 'decrypt')(KEY).length > 0),
  ),
  ...whenWorking(
    { tripleDesCbc },
    () => tripleDesCbc(new Uint8Array(24), KEY.subarray(0, 8), 'decrypt')(KEY).length > 0,
  ),
  ...whenWorking({ aesGcm }, () => AES_KEYS.every((key) => gcmWorks(key))),
  ...whenWorking({ chacha20 }, () => chachaAgrees()),
  ...whenWorking(nodeX25519, () => nodeX25519.x25519(KEY).publicKey.length > 0),
  ...whenWorking(nodeEd25519, () => nodeEd25519.ed25519PublicKey(KEY).length > 0),
  ...whenWorking(nodeNistCurves, () => NODE_CURVES.map((curve) => createECDH(curve)).length > 0),
  // what is not OpenSSL (Electron) knows no groups, and tests the primes of all of them
  ...whenWorking(nodeModp, () => Number.parseInt(process.versions.openssl) >= 3),
};

function dsaGenerate(): Uint8Array {
  const { privateKey } = generateKeyPairSync('dsa', {
    modulusLength: DSA_BITS,
    divisorLength: 160,
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  return plainBytes(privateKey);
}

/** The rows when their trial succeeds, nothing when it throws or fails: the portable rows stay in place then. */
export function whenWorking<R extends object>(rows: R, isWorking: () => boolean): R | undefined {
  try {
    return isWorking() ? rows : undefined;
  } catch {
    return undefined;
  }
}

function gcmWorks(key: Uint8Array): boolean {
  const sealed = new Uint8Array(BLOCK.length + 16);
  const nonce = BLOCK.subarray(0, 12);
  aesGcm(key).seal(nonce, BLOCK, BLOCK, sealed, 0);
  return aesGcm(key).open(nonce, BLOCK, sealed) !== undefined;
}

/** Libraries disagree on what the IV of raw ChaCha20 means, so its key stream is compared. */
function chachaAgrees(): boolean {
  const nonce = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  const zeros = new Uint8Array(500);
  return equalBytes(chacha20(KEY, nonce)(zeros), nobleProvider.chacha20(KEY, nonce)(zeros));
}
