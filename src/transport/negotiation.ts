/** Choosing algorithms from two KEXINITs (RFC 4253 §7.1), and the markers that ride in their lists. */
import { SshError } from '../errors.ts';
import type { KexInit } from '../messages/transport.ts';
import { peerOf, type Role } from './role.ts';

/** The names that a side offers, best first. */
export interface Proposal {
  /** Key exchange methods. */
  readonly kex: readonly string[];
  /** Signature algorithms of the server's host key. */
  readonly hostKey: readonly string[];
  /** Ciphers, for both directions. */
  readonly cipher: readonly string[];
  /** MACs, for both directions; an AEAD needs none. */
  readonly mac: readonly string[];
  /** Compression, for both directions. */
  readonly compression: readonly string[];
}

/** The algorithms of one direction. `mac` is empty where the cipher authenticates by itself. */
export interface DirectionAlgorithms {
  /** `aes256-gcm@openssh.com`, … */
  readonly cipher: string;
  /** Empty where the cipher authenticates by itself. */
  readonly mac: string;
  /** `none`, or `zlib@openssh.com`, … */
  readonly compression: string;
}

/** What two proposals come to. */
export interface Algorithms {
  /** The key exchange method. */
  readonly kex: string;
  /** The signature algorithm of the server's host key. */
  readonly hostKey: string;
  /** What protects what the client sends. */
  readonly clientToServer: DirectionAlgorithms;
  /** What protects what the server sends. */
  readonly serverToClient: DirectionAlgorithms;
}

/** The result of a negotiation. */
export interface Negotiation {
  readonly algorithms: Algorithms;
  /** The peer has sent a key exchange packet on a guess that turned out wrong: it must be passed over. */
  readonly ignoreGuess: boolean;
}

/** Strict key exchange (OpenSSH PROTOCOL 1.9) and extension negotiation (RFC 8308 §2.1), each side's marker. */
const STRICT = {
  client: 'kex-strict-c-v00@openssh.com',
  server: 'kex-strict-s-v00@openssh.com',
} as const;
const EXT_INFO = { client: 'ext-info-c', server: 'ext-info-s' } as const;
const MARKERS: ReadonlySet<string> = new Set([
  ...Object.values(STRICT),
  ...Object.values(EXT_INFO),
]);

/**
 * Could somebody in between have cut messages off the beginning of the session (Terrapin, CVE-2023-48795)? Not under strict key
 * exchange. Without it under ChaCha20-Poly1305, and under CBC with encrypt-then-MAC.
 */
export function isOpenToTerrapin(algorithms: Algorithms, strict: boolean): boolean {
  const { clientToServer, serverToClient } = algorithms;
  return !strict && [clientToServer, serverToClient].some(isTruncatable);
}

/** Can an attacker shift the numbering of packets without being noticed? */
function isTruncatable({ cipher, mac }: DirectionAlgorithms): boolean {
  const isChained = /-cbc(@|$)/.test(cipher);
  return cipher === 'chacha20-poly1305@openssh.com' || (isChained && mac.includes('-etm@'));
}

/** Our KEXINIT without its cookie. The markers stand in the first one only: in a later one they mean nothing. */
export function buildKexInit(
  role: Role,
  proposal: Proposal,
  cookie: Uint8Array,
  initial: boolean,
): KexInit {
  return {
    type: 'KEXINIT',
    cookie,
    kexAlgorithms: initial ? [...proposal.kex, EXT_INFO[role], STRICT[role]] : proposal.kex,
    serverHostKeyAlgorithms: proposal.hostKey,
    encryptionClientToServer: proposal.cipher,
    encryptionServerToClient: proposal.cipher,
    macClientToServer: proposal.mac,
    macServerToClient: proposal.mac,
    compressionClientToServer: proposal.compression,
    compressionServerToClient: proposal.compression,
    languagesClientToServer: [],
    languagesServerToClient: [],
    firstKexPacketFollows: false,
    reserved: 0,
  };
}

/** Does the peer's first KEXINIT ask for strict key exchange? */
export function asksStrict(peerInit: KexInit, role: Role): boolean {
  return peerInit.kexAlgorithms.includes(STRICT[peerOf(role)]);
}

/** Does the peer's first KEXINIT ask for EXT_INFO? */
export function asksExtInfo(peerInit: KexInit, role: Role): boolean {
  return peerInit.kexAlgorithms.includes(EXT_INFO[peerOf(role)]);
}

/**
 * Chooses the algorithms: the first of the client's names that the server has too.
 *
 * @param isAead - says of a cipher whether it needs no MAC
 * @throws SshError `key-exchange` with both sides' lists when a category has nothing in common
 */
export function negotiate(
  role: Role,
  ours: KexInit,
  theirs: KexInit,
  isAead: (cipher: string) => boolean,
): Negotiation {
  const [client, server] = role === 'client' ? [ours, theirs] : [theirs, ours];
  const pick = (category: string, get: (init: KexInit) => readonly string[]): string => {
    const chosen = get(client).find((name) => !MARKERS.has(name) && get(server).includes(name));
    if (chosen === undefined) throw nothingInCommon(category, get(ours), get(theirs));
    return chosen;
  };
  const kex = pick('key exchange', (init) => init.kexAlgorithms);
  const hostKey = pick('host key', (init) => init.serverHostKeyAlgorithms);
  const direction = (
    name: string,
    cipherOf: (init: KexInit) => readonly string[],
    macOf: (init: KexInit) => readonly string[],
    compressionOf: (init: KexInit) => readonly string[],
  ): DirectionAlgorithms => {
    const cipher = pick(`cipher ${name}`, cipherOf);
    return {
      cipher,
      mac: isAead(cipher) ? '' : pick(`MAC ${name}`, macOf),
      compression: pick(`compression ${name}`, compressionOf),
    };
  };
  const algorithms: Algorithms = {
    kex,
    hostKey,
    clientToServer: direction(
      'client to server',
      (init) => init.encryptionClientToServer,
      (init) => init.macClientToServer,
      (init) => init.compressionClientToServer,
    ),
    serverToClient: direction(
      'server to client',
      (init) => init.encryptionServerToClient,
      (init) => init.macServerToClient,
      (init) => init.compressionServerToClient,
    ),
  };
  return { algorithms, ignoreGuess: theirs.firstKexPacketFollows && !guessedRight(ours, theirs) };
}

/** RFC 4253 §7: a guess is right when both sides put the same key exchange and the same host key algorithm first. */
function guessedRight(ours: KexInit, theirs: KexInit): boolean {
  return (
    ours.kexAlgorithms[0] === theirs.kexAlgorithms[0] &&
    ours.serverHostKeyAlgorithms[0] === theirs.serverHostKeyAlgorithms[0]
  );
}

function nothingInCommon(
  category: string,
  ours: readonly string[],
  theirs: readonly string[],
): SshError<'key-exchange'> {
  const real = (names: readonly string[]): readonly string[] =>
    names.filter((name) => !MARKERS.has(name));
  const failure = { category, ours: real(ours), theirs: real(theirs) };
  return new SshError(
    'key-exchange',
    `no ${category} algorithm in common: ours ${failure.ours.join(',')}; the peer's ${failure.theirs.join(',')}`,
    { failure },
  );
}
