/**
 * Carries out what the key exchange reducer (transport/kex-state.ts) asks for: computes, sends, asks for the host key's
 * verdict, changes keys. All of it runs on the connection's run queue.
 */
import { from, type ObservableInput, Subscription, take } from 'rxjs';
import { CIPHERS } from '../crypto/ciphers.ts';
import { KEY_AGREEMENTS, type KeyAgreementRow } from '../crypto/key-agreements.ts';
import { MACS } from '../crypto/macs.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { findRow } from '../crypto/standing.ts';
import type { Opener, Sealer } from '../crypto/suite.ts';
import { protocolError, SshError } from '../errors.ts';
import { parsePublicKey, type PublicKey } from '../keys/public-key.ts';
import { signatureAlgorithm, verifySignature } from '../keys/signature-algorithms.ts';
import type { Signer } from '../keys/signer.ts';
import { encodeMessage, type Message } from '../messages/catalogue.ts';
import { DisconnectReason } from '../messages/codes.ts';
import type { KexMessage } from '../messages/kex.ts';
import type { KexInit } from '../messages/transport.ts';
import {
  type Inbound,
  type Outbound,
  switchInbound,
  switchOutbound,
} from '../transport/direction.ts';
import { deriveKeys, exchangeHash, type KeySource } from '../transport/key-derivation.ts';
import {
  type ClientKexMethod,
  clientKexMethod,
  type ClientKexResult,
  type KexSecret,
  type ServerKexMethod,
  serverKexMethod,
} from '../transport/kex-method.ts';
import {
  initialKexState,
  type KexEffect,
  type KexEvent,
  kexReducer,
  type KexState,
  type KexStep,
} from '../transport/kex-state.ts';
import {
  type Algorithms,
  buildKexInit,
  type DirectionAlgorithms,
  negotiate,
  type Proposal,
} from '../transport/negotiation.ts';
import { peerOf, type Role } from '../transport/role.ts';
import { Writer } from '../wire/writer.ts';

/** The host key that a server has proven to hold; whether it is to be trusted is for the caller to say. */
export interface HostKeyClaim {
  readonly key: PublicKey;
  /** The signature algorithm that was negotiated. */
  readonly algorithm: string;
}

/** What a key exchange needs of its connection. */
export interface KeyExchangeContext {
  readonly role: Role;
  readonly provider: CryptoProvider;
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly proposal: Proposal;
  /** Signers of a server's host keys. */
  readonly hostKeys: readonly Signer[];
  /** Emits once when the key is trusted; an error refuses it. */
  verifyHostKey(claim: HostKeyClaim): ObservableInput<unknown>;
  identifications(): { readonly own: Uint8Array; readonly peer: Uint8Array };
  send(message: Message): void;
  /** Runs a task on the connection's queue. */
  run(task: () => void): void;
  /** Called behind our NEWKEYS, before what was held leaves. */
  beforeRelease(initial: boolean): void;
  /** The exchange has got somewhere: for traces and deadlines. */
  stepped(step: KexStep): void;
  completed(initial: boolean): void;
  fail(error: SshError): void;
}

/** What both proposals have come to, and the keys that follow. */
interface Exchange {
  readonly algorithms: Algorithms;
  readonly agreement: KeyAgreementRow;
  method?: ClientKexMethod | ServerKexMethod;
  keys?: KeySource;
}

/** One connection's key exchanges, the first and those that follow. */
export class KeyExchange {
  readonly #context: KeyExchangeContext;
  #state: KexState;
  #ownInit: { readonly message: KexInit; readonly payload: Uint8Array } | undefined;
  #peerInit: { readonly message: KexInit; readonly payload: Uint8Array } | undefined;
  #exchange: Exchange | undefined;
  #sessionId: Uint8Array | undefined;
  #hostKey: HostKeyClaim | undefined;
  #algorithms: Algorithms | undefined;
  readonly #pending = new Subscription();

  constructor(context: KeyExchangeContext) {
    this.#context = context;
    this.#state = initialKexState(context.role);
  }

  get state(): KexState {
    return this.#state;
  }

  /** H of the first exchange; `undefined` before it is complete. */
  get sessionId(): Uint8Array | undefined {
    return this.#sessionId;
  }

  /** Of the last exchange. */
  get algorithms(): Algorithms | undefined {
    return this.#algorithms;
  }

  /** The server's host key, as of the last exchange (client). */
  get hostKey(): HostKeyClaim | undefined {
    return this.#hostKey;
  }

  /** Asks for new keys; does nothing when an exchange runs. */
  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** The peer's KEXINIT. */
  receiveKexInit(message: KexInit, payload: Uint8Array, sequenceNumber: number): void {
    this.#peerInit = { message, payload: payload.slice() };
    this.#dispatch({ type: 'kexinit', message, sequenceNumber });
  }

  /** A message of the method. */
  receiveMethodMessage(message: KexMessage): void {
    this.#dispatch({ type: 'method-message', message });
  }

  /** The peer's NEWKEYS. */
  receiveNewKeys(): void {
    this.#dispatch({ type: 'newkeys' });
  }

  /** Calls off what is being waited for. */
  stop(): void {
    this.#pending.unsubscribe();
  }

  #dispatch(event: KexEvent): void {
    const [state, effects] = kexReducer(this.#state, event);
    const hasStepped = state.step !== this.#state.step;
    this.#state = state;
    if (hasStepped) this.#context.stepped(state.step);
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: KexEffect): void {
    const { inbound } = this.#context;
    switch (effect.type) {
      case 'send-kexinit':
        this.#sendKexInit();
        return;
      case 'negotiate':
        this.#negotiate();
        return;
      case 'begin-method':
        this.#beginMethod();
        return;
      case 'method-message':
        this.#receive(effect.message);
        return;
      case 'close-inbound-gate':
        inbound.gate.close();
        return;
      case 'open-inbound-gate':
        inbound.gate.open();
        return;
      case 'send-newkeys':
        this.#sendNewKeys();
        return;
      case 'switch-inbound':
        switchInbound(inbound, this.#opener(), this.#state.strict);
        return;
      case 'completed':
        this.#complete(effect.initial);
        return;
      case 'fail':
        this.#context.fail(effect.error);
        return;
    }
  }

  #sendKexInit(): void {
    const { role, proposal, provider, outbound } = this.#context;
    const message = buildKexInit(role, proposal, provider.randomBytes(16), this.#state.initial);
    const writer = new Writer();
    encodeMessage(message, writer);
    this.#ownInit = { message, payload: writer.bytes() };
    outbound.gate.close();
    this.#context.send(message);
  }

  #negotiate(): void {
    const own = required(this.#ownInit);
    const peer = required(this.#peerInit);
    const negotiation = negotiate(
      this.#context.role,
      own.message,
      peer.message,
      (cipher) => findRow(CIPHERS, cipher)?.isAead ?? false,
    );
    const { algorithms } = negotiation;
    this.#exchange = { algorithms, agreement: required(findRow(KEY_AGREEMENTS, algorithms.kex)) };
    this.#dispatch({ type: 'negotiated', negotiation });
  }

  #beginMethod(): void {
    const { role, provider } = this.#context;
    const exchange = required(this.#exchange);
    if (role === 'server') {
      exchange.method = serverKexMethod(exchange.agreement, provider);
      return;
    }
    const method = clientKexMethod(exchange.agreement, provider);
    exchange.method = method;
    this.#context.send(method.first);
  }

  #receive(message: KexMessage): void {
    const exchange = required(this.#exchange);
    const result = required(exchange.method).receive(message);
    delete exchange.method;
    this.#dispatch({ type: 'secret' });
    if ('reply' in result) {
      const signer = this.#signerFor(exchange.algorithms.hostKey);
      const hostKey = signer.publicKey.blob;
      const keys = this.#keySource(exchange, result, hostKey);
      this.#await(
        Promise.resolve(signer.sign(keys.exchangeHash, exchange.algorithms.hostKey)),
        (signature) => {
          this.#context.send(result.reply(hostKey, signature));
        },
      );
      return;
    }
    this.#verifyServer(exchange, result);
  }

  /** RFC 4253 §8: the signature over H proves that the server holds the host key; then the caller judges the key. */
  #verifyServer(exchange: Exchange, result: ClientKexResult): void {
    const keys = this.#keySource(exchange, result, result.hostKey);
    const algorithm = exchange.algorithms.hostKey;
    const key = parsePublicKey(result.hostKey);
    if (signatureAlgorithm(algorithm)?.keyType !== key.type) {
      throw protocolError(
        `a host key of type ${key.type} under ${algorithm}`,
        DisconnectReason.KEY_EXCHANGE_FAILED,
      );
    }
    if (
      !verifySignature(algorithm, key, keys.exchangeHash, result.signature, this.#context.provider)
    ) {
      throw protocolError(
        'the host key signature does not verify',
        DisconnectReason.HOST_KEY_NOT_VERIFIABLE,
      );
    }
    const claim: HostKeyClaim = { key, algorithm };
    this.#await(this.#context.verifyHostKey(claim), () => {
      this.#hostKey = claim;
    });
  }

  /** Goes on when `input` emits; its error, or its silence at the end, fails the connection. */
  #await<T>(input: ObservableInput<T>, accepted: (value: T) => void): void {
    let isAccepted = false;
    const subscription = from(input)
      .pipe(take(1))
      .subscribe({
        next: (value) => {
          isAccepted = true;
          this.#context.run(() => {
            accepted(value);
            this.#dispatch({ type: 'settled' });
          });
        },
        error: (error: unknown) => this.#context.run(() => this.#context.fail(refusal(error))),
        complete: () => {
          if (!isAccepted) this.#context.run(() => this.#context.fail(refusal(undefined)));
        },
      });
    this.#pending.add(subscription);
  }

  #keySource(exchange: Exchange, secret: KexSecret, hostKey: Uint8Array): KeySource {
    const { role, provider } = this.#context;
    const { own, peer } = this.#context.identifications();
    const ownInit = required(this.#ownInit).payload;
    const peerInit = required(this.#peerInit).payload;
    const isClient = role === 'client';
    const hash = exchangeHash(provider, exchange.agreement.hash, {
      clientIdentification: isClient ? own : peer,
      serverIdentification: isClient ? peer : own,
      clientKexInit: isClient ? ownInit : peerInit,
      serverKexInit: isClient ? peerInit : ownInit,
      hostKey,
      exchangeValues: secret.exchangeValues,
      sharedSecret: secret.sharedSecret,
    });
    // RFC 4253 §7.2: the session identifier is the first exchange hash, for good
    this.#sessionId ??= hash;
    const keys: KeySource = {
      provider,
      hash: exchange.agreement.hash,
      sharedSecret: secret.sharedSecret,
      exchangeHash: hash,
      sessionId: this.#sessionId,
    };
    exchange.keys = keys;
    return keys;
  }

  #sendNewKeys(): void {
    const { outbound } = this.#context;
    this.#context.send({ type: 'NEWKEYS' });
    switchOutbound(outbound, this.#sealer(), this.#state.strict);
    this.#context.beforeRelease(this.#state.initial);
    outbound.gate.open();
  }

  #complete(initial: boolean): void {
    this.#algorithms = required(this.#exchange).algorithms;
    this.#exchange = undefined;
    this.#ownInit = undefined;
    this.#peerInit = undefined;
    this.#context.completed(initial);
  }

  #sealer(): Sealer {
    const { cipher, mac, keys } = this.#directionOf(this.#context.role);
    return cipher.createSealer(this.#context.provider, keys, mac);
  }

  #opener(): Opener {
    const { cipher, mac, keys } = this.#directionOf(peerOf(this.#context.role));
    return cipher.createOpener(this.#context.provider, keys, mac);
  }

  #directionOf(sender: Role) {
    const exchange = required(this.#exchange);
    const names: DirectionAlgorithms =
      sender === 'client' ? exchange.algorithms.clientToServer : exchange.algorithms.serverToClient;
    const cipher = required(findRow(CIPHERS, names.cipher));
    const mac = findRow(MACS, names.mac);
    const lengths = { iv: cipher.ivLength, key: cipher.keyLength, mac: mac?.keyLength ?? 0 };
    return { cipher, mac, keys: deriveKeys(required(exchange.keys), sender, lengths) };
  }

  #signerFor(algorithm: string): Signer {
    const signer = this.#context.hostKeys.find((each) => each.algorithms.includes(algorithm));
    if (signer === undefined)
      throw new SshError('config', `no host key for ${algorithm}`, { option: 'hostKeys' });
    return signer;
  }
}

/** Anything that is not a typed refusal is one: a verifier that fails must never count as one that accepts. */
function refusal(error: unknown): SshError {
  if (error instanceof SshError) return error;
  return new SshError(
    'host-key',
    'the host key was not accepted',
    { reason: 'rejected', host: '', algorithm: '', fingerprint: '' },
    { cause: error },
  );
}

/** The reducer's order guarantees the value; that it is there is checked all the same. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw protocolError('key exchange out of order');
  return value;
}
