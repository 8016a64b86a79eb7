/** From negotiated names and derived secrets to what seals and opens packets. */
import { type CipherRow, CIPHERS } from '../crypto/ciphers.ts';
import { deflaterFor, inflaterFor, type PayloadCodec } from '../crypto/compression.ts';
import { type MacRow, MACS } from '../crypto/macs.ts';
import { findRow } from '../crypto/standing.ts';
import type { DirectionKeys, Opener, Sealer } from '../crypto/suite.ts';
import { protocolError } from '../errors.ts';
import { deriveKeys, type KeySource } from './key-derivation.ts';
import type { Algorithms, DirectionAlgorithms } from './negotiation.ts';
import { peerOf, type Role } from './role.ts';

/** Makes the protection of both directions, each when its NEWKEYS comes. */
export interface Suite {
  sealer(): Sealer;
  opener(): Opener;
  /** Compresses what we send, where that was agreed on. */
  deflater(): PayloadCodec | undefined;
  /** Undoes the peer's compression. */
  inflater(): PayloadCodec | undefined;
}

/** The suite of one key exchange, seen from `role`. */
export function suiteOf(role: Role, algorithms: Algorithms, source: KeySource): Suite {
  const { provider } = source;
  return {
    sealer: () => {
      const { cipher, mac, keys } = directionOf(role, algorithms, source);
      return cipher.createSealer(provider, keys, mac);
    },
    opener: () => {
      const { cipher, mac, keys } = directionOf(peerOf(role), algorithms, source);
      return cipher.createOpener(provider, keys, mac);
    },
    deflater: () => deflaterFor(sentBy(role, algorithms).compression),
    inflater: () => inflaterFor(sentBy(peerOf(role), algorithms).compression),
  };
}

interface Direction {
  readonly cipher: CipherRow;
  readonly mac: MacRow | undefined;
  readonly keys: DirectionKeys;
}

function directionOf(sender: Role, algorithms: Algorithms, source: KeySource): Direction {
  const names = sentBy(sender, algorithms);
  const cipher = findRow(CIPHERS, names.cipher);
  if (cipher === undefined) throw protocolError(`cipher ${names.cipher} was not offered`);
  const mac = findRow(MACS, names.mac);
  const lengths = { iv: cipher.ivLength, key: cipher.keyLength, mac: mac?.keyLength ?? 0 };
  return { cipher, mac, keys: deriveKeys(source, sender, lengths) };
}

function sentBy(sender: Role, algorithms: Algorithms): DirectionAlgorithms {
  return sender === 'client' ? algorithms.clientToServer : algorithms.serverToClient;
}
