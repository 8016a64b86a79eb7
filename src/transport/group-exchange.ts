/** Diffie-Hellman group exchange (RFC 4419, RFC 8270): the client names sizes, the server gives a group of such a size. */
import { keyExchangeFailed } from '../crypto/checks.ts';
import { CIPHERS } from '../crypto/ciphers.ts';
import { bitLength } from '../crypto/integers.ts';
import { modpAgreement } from '../crypto/key-agreements.ts';
import { MODP_SIZES, modpGroup } from '../crypto/modp.ts';
import type { CryptoProvider, KeyAgreement, ModpGroup } from '../crypto/provider.ts';
import { findRow } from '../crypto/standing.ts';
import { GROUP_EXCHANGE_MESSAGES } from '../messages/kex.ts';
import { Writer } from '../wire/writer.ts';
import {
  type ClientKexMethod,
  type GroupExchangeOptions,
  type KexMethodContext,
  type KexMethodRow,
  type ServerKexMethod,
  wrongMessage,
} from './kex-method.ts';
import { encodeSharedSecret } from './key-derivation.ts';
import type { Algorithms } from './negotiation.ts';

/** Shortest prime in bits (RFC 8270 §3). */
const MIN_MODULUS_BITS = 2048;
/** Longest prime in bits that a client takes (RFC 4419 §3). */
const MAX_MODULUS_BITS = 8192;
/** Sizes in bits of a prime that is as strong as a cipher's key of so many bytes (NIST SP 800-57 part 1, table 2). */
const MODULUS_BITS_BY_KEY = [
  { maxKeyLength: 16, bits: 3072 },
  { maxKeyLength: 24, bits: 7680 },
] as const;

/** What a server gives unless it is told otherwise: the groups of RFC 3526 up to 4096 bits. */
export const DEFAULT_GROUP_EXCHANGE: GroupExchangeOptions = { moduli: [], maxModulusBits: 4096 };

/** Sizes in bits, as a client asks for them. */
export interface ModulusSizes {
  readonly min: number;
  readonly preferred: number;
  readonly max: number;
}

/** The method; its groups are strong whatever hashes them. */
export const GROUP_EXCHANGE: KexMethodRow = {
  name: 'diffie-hellman-group-exchange-sha256',
  standing: 'default',
  hash: 'sha256',
  isPostQuantum: false,
  messages: GROUP_EXCHANGE_MESSAGES,
  client: clientGroupExchange,
  server: serverGroupExchange,
};

/** The same with SHA-1. */
export const GROUP_EXCHANGE_SHA1: KexMethodRow = {
  ...GROUP_EXCHANGE,
  name: 'diffie-hellman-group-exchange-sha1',
  standing: 'legacy',
  hash: 'sha1',
};

/**
 * The group for a client: the smallest that is as large as it prefers, or else the largest that there is; by lot among those of
 * one size. Throws a `protocol` error (reason 3) when there is none between its bounds.
 */
export function chooseGroup(
  { min, preferred, max }: ModulusSizes,
  { moduli, maxModulusBits }: GroupExchangeOptions,
  provider: Pick<CryptoProvider, 'randomBytes'>,
): ModpGroup {
  const least = Math.max(min, MIN_MODULUS_BITS);
  const most = Math.min(max, maxModulusBits);
  if (min > preferred || preferred > max) throw noGroup();
  const known = MODP_SIZES.filter((bits) => bits <= most).map(modpGroup);
  const groups = [...moduli, ...known]
    .map((group) => ({ group, bits: bitLength(group.p) }))
    .filter(({ bits }) => bits >= least && bits <= most);
  const sizes = groups.map(({ bits }) => bits);
  const enough = sizes.filter((bits) => bits >= preferred);
  const size = enough.length > 0 ? Math.min(...enough) : Math.max(...sizes);
  const candidates = groups.filter(({ bits }) => bits === size);
  const [high = 0, low = 0] = provider.randomBytes(2);
  const chosen = candidates[(high * 256 + low) % candidates.length];
  if (chosen === undefined) throw noGroup();
  return chosen.group;
}

function clientGroupExchange({ provider, algorithms }: KexMethodContext): ClientKexMethod {
  const sizes = wantedSizes(algorithms);
  let given: { readonly group: ModpGroup; readonly key: KeyAgreement } | undefined;
  return {
    first: { type: 'KEX_DH_GEX_REQUEST', ...sizes },
    receive(message) {
      if (given === undefined) {
        if (message.type !== 'KEX_DH_GEX_GROUP') throw wrongMessage(message);
        const group = checkGroup({ p: message.p, g: message.g }, sizes);
        given = { group, key: modpAgreement(provider, group) };
        return { send: { type: 'KEX_DH_GEX_INIT', clientPublicKey: given.key.publicKey } };
      }
      if (message.type !== 'KEX_DH_GEX_REPLY') throw wrongMessage(message);
      const { group, key } = given;
      const secret = key.agree(message.serverPublicKey);
      return {
        hostKey: message.hostKey.slice(),
        signature: message.signature.slice(),
        exchangeValues: exchangeValues(sizes, group, key.publicKey, message.serverPublicKey),
        sharedSecret: encodeSharedSecret(secret, 'mpint'),
      };
    },
  };
}

function serverGroupExchange({ provider, groupExchange }: KexMethodContext): ServerKexMethod {
  let asked: { readonly sizes: ModulusSizes; readonly group: ModpGroup } | undefined;
  return {
    receive(message) {
      if (asked === undefined) {
        if (message.type !== 'KEX_DH_GEX_REQUEST') throw wrongMessage(message);
        const { min, preferred, max } = message;
        const sizes = { min, preferred, max };
        const group = chooseGroup(sizes, groupExchange, provider);
        asked = { sizes, group };
        return { send: { type: 'KEX_DH_GEX_GROUP', ...group } };
      }
      if (message.type !== 'KEX_DH_GEX_INIT') throw wrongMessage(message);
      const { sizes, group } = asked;
      const key = modpAgreement(provider, group);
      const secret = key.agree(message.clientPublicKey);
      return {
        exchangeValues: exchangeValues(sizes, group, message.clientPublicKey, key.publicKey),
        sharedSecret: encodeSharedSecret(secret, 'mpint'),
        reply: (hostKey, signature) => ({
          type: 'KEX_DH_GEX_REPLY',
          hostKey,
          serverPublicKey: key.publicKey,
          signature,
        }),
      };
    },
  };
}

/** As strong as the stronger of the two ciphers. */
function wantedSizes({ clientToServer, serverToClient }: Algorithms): ModulusSizes {
  const keyLength = Math.max(
    ...[clientToServer, serverToClient].map(
      ({ cipher }) => findRow(CIPHERS, cipher)?.keyLength ?? 0,
    ),
  );
  const preferred =
    MODULUS_BITS_BY_KEY.find(({ maxKeyLength }) => keyLength <= maxKeyLength)?.bits ??
    MAX_MODULUS_BITS;
  return { min: MIN_MODULUS_BITS, preferred, max: MAX_MODULUS_BITS };
}

/** Whether p is prime is not tried: a server that wants to give the secret away needs no such trick. */
function checkGroup(group: ModpGroup, { min, max }: ModulusSizes): ModpGroup {
  const { p, g } = group;
  const isInRange = p > 0n && bitLength(p) >= min && bitLength(p) <= max;
  if (!isInRange || (p & 1n) === 0n || g <= 1n || g >= p - 1n)
    throw keyExchangeFailed('the server has given a group that is not safe');
  return group;
}

/** min | n | max | p | g | e | f (RFC 4419 §3). */
function exchangeValues(
  { min, preferred, max }: ModulusSizes,
  { p, g }: ModpGroup,
  clientValue: Uint8Array,
  serverValue: Uint8Array,
): Uint8Array {
  return new Writer()
    .uint32(min)
    .uint32(preferred)
    .uint32(max)
    .mpint(p)
    .mpint(g)
    .string(clientValue)
    .string(serverValue)
    .bytes();
}

function noGroup(): Error {
  return keyExchangeFailed('there is no group of the sizes that the client asks for');
}
