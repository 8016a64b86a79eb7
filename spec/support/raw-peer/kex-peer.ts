/**
 * The handshake of the raw peer, in either role: identification, KEXINIT, curve25519-sha256 with an ssh-ed25519 host key
 * (RFC 8731, RFC 8709), NEWKEYS. Each step stands alone, so that a spec can leave it out, do it twice or do it wrongly.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { bool, byte, cat, Cursor, mpint, names, str, u32 } from './bytes.ts';
import type { Link } from './link.ts';
import { PacketPeer } from './packet-peer.ts';
import { type Codec, rawSuite, type SuiteRow } from './suites.ts';

/** Which end a raw peer plays. */
export type RawRole = 'client' | 'server';

/** An Ed25519 key pair with its SSH blob. */
export interface RawKey {
  readonly privateKey: KeyObject;
  readonly blob: Buffer;
}

/** How a raw peer behaves. */
export interface RawOptions {
  readonly role: RawRole;
  /** Offer strict key exchange; `true` by default. */
  readonly strict?: boolean;
  readonly suite?: SuiteRow;
  /** A server's host key. */
  readonly hostKey?: RawKey;
  readonly identification?: string;
  /** The private part of every ephemeral key: makes a session repeatable. */
  readonly ephemeral?: Uint8Array;
}

/** The fields of a KEXINIT. */
export interface KexInitFields {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  readonly cipher: readonly string[];
  readonly mac: readonly string[];
  readonly compression: readonly string[];
  readonly follows: boolean;
  readonly reserved: number;
}

/** What a server's reply may get wrong. */
export interface WrongReply {
  /** Instead of the host key's blob. */
  readonly blob?: Uint8Array;
  readonly publicKey?: Uint8Array;
  /** Instead of the signature's blob. */
  readonly signature?: Uint8Array;
  readonly signWith?: RawKey;
  /** The exchange hash that is signed. */
  readonly hash?: Buffer;
}

const MARKERS = {
  client: ['ext-info-c', 'kex-strict-c-v00@openssh.com'],
  server: ['kex-strict-s-v00@openssh.com'],
} as const;
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');
const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/** A fresh Ed25519 key pair. */
export function rawKey(): RawKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return { privateKey, blob: cat(str('ssh-ed25519'), str(raw)) };
}

/** The signature blob over some bytes. */
export function rawSignature(key: RawKey, data: Uint8Array): Buffer {
  return cat(str('ssh-ed25519'), str(sign(null, data, key.privateKey)));
}

/** Up to and with NEWKEYS. */
export class KexPeer extends PacketPeer {
  readonly role: RawRole;
  readonly suite: SuiteRow;
  readonly offersStrict: boolean;
  hostKey: RawKey;
  /** Both sides have offered it. */
  isStrict = false;
  identification: Buffer;
  peerIdentification: Buffer = Buffer.alloc(0);
  ownInit: Buffer | undefined;
  peerInit: Buffer | undefined;
  sessionId: Buffer | undefined;
  /** Of the last exchange. */
  exchangeHash: Buffer = Buffer.alloc(0);
  /** K of the last exchange, as it is hashed. */
  secret: Buffer = Buffer.alloc(0);
  #ephemeral: KeyObject | undefined;
  readonly #fixedEphemeral: Uint8Array | undefined;
  #clientPublic: Buffer = Buffer.alloc(0);
  #ownPublic: Buffer = Buffer.alloc(0);
  #offersMarkers = true;

  constructor(link: Link, options: RawOptions) {
    super(link);
    this.role = options.role;
    this.suite = options.suite ?? rawSuite('aes128-gcm@openssh.com');
    this.offersStrict = options.strict ?? true;
    this.hostKey = options.hostKey ?? rawKey();
    this.identification = Buffer.from(options.identification ?? 'SSH-2.0-raw_1.0', 'latin1');
    this.#fixedEphemeral = options.ephemeral;
  }

  /** Sends the identification line. */
  identify(ending = '\r\n'): void {
    this.sendBytes(cat(this.identification, ending));
  }

  async readIdentification(): Promise<void> {
    this.peerIdentification = await this.line();
  }

  /** The payload of a KEXINIT. */
  kexInit(fields: Partial<KexInitFields> = {}): Buffer {
    const { cipher, mac = 'hmac-sha2-256' } = this.suite;
    const markers = this.#offersMarkers
      ? MARKERS[this.role].filter((name) => this.offersStrict || !name.startsWith('kex-strict'))
      : [];
    const ciphers = names(...(fields.cipher ?? [cipher]));
    const macs = names(...(fields.mac ?? [mac]));
    const compression = names(...(fields.compression ?? ['none']));
    return cat(
      byte(20),
      randomBytes(16),
      names(...(fields.kex ?? ['curve25519-sha256', ...markers])),
      names(...(fields.hostKey ?? ['ssh-ed25519'])),
      ...[ciphers, ciphers, macs, macs, compression, compression, names(), names()],
      bool(fields.follows ?? false),
      u32(fields.reserved ?? 0),
    );
  }

  /** Sends KEXINIT, this one or a right one. */
  sendKexInit(payload: Buffer = this.kexInit()): void {
    this.ownInit = payload;
    this.send(payload);
  }

  async readKexInit(): Promise<void> {
    this.peerInit = (await this.until(20)).payload;
    if (this.sessionId !== undefined) return;
    const markers = new Cursor(this.peerInit).skip(17).names();
    const wanted = this.role === 'client' ? MARKERS.server[0] : MARKERS.client[1];
    this.isStrict = this.offersStrict && markers.includes(wanted);
  }

  /** Q_C, fresh. */
  sendEcdhInit(publicKey?: Uint8Array): void {
    this.#clientPublic = Buffer.from(publicKey ?? this.#freshPublic());
    this.send(cat(byte(30), str(this.#clientPublic)));
  }

  /** The client's turn: the server's reply, whose signature is verified. */
  async readEcdhReply(): Promise<void> {
    const cursor = new Cursor((await this.until(31)).payload).skip(1);
    const [hostKey, serverPublic, signature] = [cursor.str(), cursor.str(), cursor.str()];
    this.#agree(hostKey, serverPublic, serverPublic);
    const key = createPublicKey({
      key: cat(SPKI_ED25519, hostKey.subarray(-32)),
      format: 'der',
      type: 'spki',
    });
    if (!verify(null, this.exchangeHash, key, signature.subarray(-64)))
      throw new Error('raw peer: the host key signature does not verify');
    this.hostKey = { ...this.hostKey, blob: hostKey };
  }

  async readEcdhInit(): Promise<void> {
    this.#clientPublic = new Cursor((await this.until(30)).payload).skip(1).str();
  }

  /** The server's turn: the reply, right or wrong. */
  sendEcdhReply(wrong: WrongReply = {}): void {
    this.send(this.ecdhReply(wrong));
  }

  /** The payload of the server's reply; the keys are agreed with it. */
  ecdhReply(wrong: WrongReply = {}): Buffer {
    const own = this.#freshPublic();
    this.#ownPublic = own;
    const blob = Buffer.from(wrong.blob ?? this.hostKey.blob);
    this.#agree(blob, this.#clientPublic, own);
    const signature =
      wrong.signature ??
      rawSignature(wrong.signWith ?? this.hostKey, wrong.hash ?? this.exchangeHash);
    return cat(byte(31), str(blob), str(wrong.publicKey ?? own), str(signature));
  }

  /** The reply once more, with other parts: what `ecdhReply` has agreed on stays. */
  lastReply({
    blob = this.hostKey.blob,
    publicKey,
    signature = Buffer.alloc(0),
  }: WrongReply): Buffer {
    return cat(byte(31), str(blob), str(publicKey ?? this.#ownPublic), str(signature));
  }

  /** Sends NEWKEYS and goes over to the new keys. */
  sendNewKeys(): void {
    this.send(byte(21));
    this.switchOutbound();
  }

  switchOutbound(): void {
    this.outbound = this.#codec(this.role);
    if (this.isStrict) this.outSequence = 0;
  }

  async readNewKeys(): Promise<void> {
    await this.until(21);
    this.inbound = this.#codec(this.role === 'client' ? 'server' : 'client');
    if (this.isStrict) this.inSequence = 0;
  }

  /** Both identifications. */
  async identifyBoth(): Promise<void> {
    this.identify();
    await this.readIdentification();
  }

  /** A whole key exchange; a KEXINIT that was sent or read already is not sent or read again. */
  async exchange(wrong: WrongReply = {}): Promise<void> {
    await this.proposeBoth();
    await this.agree(wrong);
    this.sendNewKeys();
    await this.readNewKeys();
    this.forget();
  }

  /** Both KEXINITs. */
  async proposeBoth(): Promise<void> {
    if (this.ownInit === undefined) this.sendKexInit();
    if (this.peerInit === undefined) await this.readKexInit();
  }

  /** The messages of the method. */
  async agree(wrong: WrongReply = {}): Promise<void> {
    if (this.role === 'client') {
      this.sendEcdhInit();
      await this.readEcdhReply();
    } else {
      await this.readEcdhInit();
      this.sendEcdhReply(wrong);
    }
  }

  /** The exchange is over: the next KEXINITs are of another one. */
  forget(): void {
    this.ownInit = undefined;
    this.peerInit = undefined;
    this.#offersMarkers = false;
  }

  /** Identification and first key exchange. */
  async handshake(): Promise<this> {
    await this.identifyBoth();
    await this.exchange();
    return this;
  }

  #freshPublic(): Buffer {
    this.#ephemeral =
      this.#fixedEphemeral === undefined
        ? generateKeyPairSync('x25519').privateKey
        : createPrivateKey({
            key: cat(PKCS8_X25519, this.#fixedEphemeral),
            format: 'der',
            type: 'pkcs8',
          });
    const spki = createPublicKey(this.#ephemeral).export({ type: 'spki', format: 'der' });
    return spki.subarray(-32);
  }

  /** K and H (RFC 4253 §8) from the other end's public value. */
  #agree(hostKey: Buffer, theirs: Buffer, serverPublic: Buffer): void {
    if (this.#ephemeral === undefined) throw new Error('raw peer: no key of its own');
    const publicKey = createPublicKey({
      key: cat(SPKI_X25519, theirs),
      format: 'der',
      type: 'spki',
    });
    this.secret = mpint(diffieHellman({ privateKey: this.#ephemeral, publicKey }));
    const both = (own: Uint8Array, peer: Uint8Array): Buffer =>
      this.role === 'client' ? cat(str(own), str(peer)) : cat(str(peer), str(own));
    this.exchangeHash = sha256(
      both(this.identification, this.peerIdentification),
      both(this.ownInit ?? Buffer.alloc(0), this.peerInit ?? Buffer.alloc(0)),
      str(hostKey),
      str(this.#clientPublic),
      str(serverPublic),
      this.secret,
    );
    this.sessionId ??= this.exchangeHash;
  }

  /** RFC 4253 §7.2. */
  #codec(sender: RawRole): Codec {
    const [iv, key, mac] = sender === 'client' ? ['A', 'C', 'E'] : ['B', 'D', 'F'];
    const derive = (letter: string | undefined, length: number): Buffer => {
      const sessionId = this.sessionId ?? Buffer.alloc(0);
      let bytes = sha256(this.secret, this.exchangeHash, letter ?? '', sessionId);
      while (bytes.length < length)
        bytes = cat(bytes, sha256(this.secret, this.exchangeHash, bytes));
      return bytes.subarray(0, length);
    };
    const { lengths } = this.suite;
    return this.suite.create({
      iv: derive(iv, lengths.iv),
      key: derive(key, lengths.key),
      mac: derive(mac, lengths.mac),
    });
  }
}

function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  return createHash('sha256')
    .update(cat(...parts))
    .digest();
}
