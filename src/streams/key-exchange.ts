/**
 * Carries out what the key exchange reducer (transport/kex-state.ts) asks for: computes, sends, asks for the host key's
 * verdict, changes keys. All of it runs on the connection's run queue.
 */
import { Subscription } from 'rxjs';
import { CIPHERS } from '../crypto/ciphers.ts';
import { findRow } from '../crypto/standing.ts';
import { protocolError } from '../errors.ts';
import { signWith } from '../keys/sign-with.ts';
import { encodeMessage } from '../messages/catalogue.ts';
import type { KexMessage } from '../messages/kex.ts';
import type { KexInit } from '../messages/transport.ts';
import { loadCodec } from '../crypto/compression.ts';
import { switchInbound, switchOutbound } from '../transport/direction.ts';
import { exchangeHash, type KeySource } from '../transport/key-derivation.ts';
import type {
  ClientKexMethod,
  ClientKexResult,
  KexMethodRow,
  KexSecret,
  ServerKexMethod,
} from '../transport/kex-method.ts';
import { KEX_METHODS } from '../transport/kex-methods.ts';
import {
  initialKexState,
  type KexEffect,
  type KexEvent,
  kexReducer,
  type KexState,
} from '../transport/kex-state.ts';
import { proveHostKey, refusedHostKey, signerFor } from './host-key-proof.ts';
import type { HostKeyClaim, KeyExchangeContext } from './key-exchange-context.ts';
import type { Verdict } from '../operators/take-verdict.ts';
import { settle } from './settle.ts';
import { type Algorithms, buildKexInit, negotiate } from '../transport/negotiation.ts';
import { RekeyBudget } from '../transport/rekey-budget.ts';
import { type Suite, suiteOf } from '../transport/suite-keys.ts';
import type { MessageRow } from '../wire/message.ts';
import { Writer } from '../wire/writer.ts';

const NO_MESSAGES: readonly MessageRow[] = [];

/** What both proposals have come to, and the keys that follow. */
interface Exchange {
  readonly algorithms: Algorithms;
  readonly row: KexMethodRow;
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
  readonly #budget: RekeyBudget;

  constructor(context: KeyExchangeContext) {
    this.#context = context;
    this.#state = initialKexState(context.role);
    this.#budget = new RekeyBudget(context.transport.scheduler.now());
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

  /** What the numbers from 30 to 49 mean now. */
  get methodMessages(): readonly MessageRow[] {
    return this.#exchange?.row.messages ?? NO_MESSAGES;
  }

  /** Asks for new keys; does nothing when an exchange runs. */
  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** The peer's KEXINIT. */
  receiveKexInit(message: KexInit, payload: Uint8Array, sequenceNumber: number): void {
    if (!this.#state.initial && this.#state.step === 'idle') this.#charge();
    this.#peerInit = { message, payload: payload.slice() };
    this.#dispatch({ type: 'kexinit', message, sequenceNumber });
  }

  /** A message of the method. */
  receiveMethodMessage(message: KexMessage): void {
    this.#dispatch({ type: 'method-message', message });
  }

  /** The message of a wrong guess was passed over. */
  passOverGuess(): void {
    this.#dispatch({ type: 'wrong-guess' });
  }

  /** The peer's NEWKEYS. */
  receiveNewKeys(): void {
    this.#dispatch({ type: 'newkeys' });
  }

  /** Calls off what is being waited for. */
  stop(): void {
    this.#pending.unsubscribe();
  }

  #charge(): void {
    const { inbound, outbound } = this.#context;
    if (
      !this.#budget.spend(this.#context.transport.scheduler.now(), inbound.bytes + outbound.bytes)
    )
      throw protocolError('too many key exchanges in too short a time');
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
        this.#switchInbound();
        return;
      case 'completed':
        this.#complete(effect.initial);
        return;
      case 'fail':
        this.#context.transport.fail(effect.error);
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
    this.#context.transport.send(message);
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
    this.#exchange = { algorithms, row: required(findRow(KEX_METHODS, algorithms.kex)) };
    this.#dispatch({ type: 'negotiated', negotiation });
  }

  #beginMethod(): void {
    const { role, provider, groupExchange } = this.#context;
    const exchange = required(this.#exchange);
    const context = { provider, groupExchange, algorithms: exchange.algorithms };
    if (role === 'server') {
      exchange.method = exchange.row.server(context);
      return;
    }
    const method = exchange.row.client(context);
    exchange.method = method;
    this.#context.transport.send(method.first);
  }

  #receive(message: KexMessage): void {
    const exchange = required(this.#exchange);
    const result = required(exchange.method).receive(message);
    if ('send' in result) {
      this.#context.transport.send(result.send);
      return;
    }
    delete exchange.method;
    this.#dispatch({ type: 'secret' });
    if ('reply' in result) {
      const signer = signerFor(this.#context.hostKeys, exchange.algorithms.hostKey);
      const hostKey = signer.publicKey.blob;
      const keys = this.#keySource(exchange, result, hostKey);
      this.#await<Uint8Array>(
        () => signWith(signer, keys.exchangeHash, exchange.algorithms.hostKey),
        (signature) => this.#context.transport.send(result.reply(hostKey, signature)),
      );
      return;
    }
    this.#verifyServer(exchange, result);
  }

  /** The server proves that it holds the host key; then the caller judges the key. */
  #verifyServer(exchange: Exchange, result: ClientKexResult): void {
    const { exchangeHash } = this.#keySource(exchange, result, result.hostKey);
    const claim = proveHostKey(
      { ...result, exchangeHash, algorithm: exchange.algorithms.hostKey },
      this.#hostKey,
      this.#context.provider,
    );
    this.#await<unknown>(
      () => this.#context.verifyHostKey(claim),
      () => {
        this.#hostKey = claim;
      },
    );
  }

  /** Goes on when `ask` gives a value; its error, or its silence at the end, fails the connection. */
  #await<T>(ask: () => Verdict<T>, accepted: (value: T) => void): void {
    const { clientToServer, serverToClient } = required(this.#exchange).algorithms;
    const loading = loadCodec(clientToServer.compression, serverToClient.compression);
    const settlement = settle(loading, ask, {
      run: (task) => this.#context.transport.run(task),
      settled: (value) => {
        accepted(value);
        this.#dispatch({ type: 'settled' });
      },
      refused: (error) => this.#context.transport.fail(refusedHostKey(error)),
    });
    this.#pending.add(settlement);
  }

  #keySource(exchange: Exchange, secret: KexSecret, hostKey: Uint8Array): KeySource {
    const { role, provider } = this.#context;
    const { own, peer } = this.#context.identifications();
    const ownInit = required(this.#ownInit).payload;
    const peerInit = required(this.#peerInit).payload;
    const isClient = role === 'client';
    const hash = exchangeHash(provider, exchange.row.hash, {
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
      hash: exchange.row.hash,
      sharedSecret: secret.sharedSecret,
      exchangeHash: hash,
      sessionId: this.#sessionId,
    };
    exchange.keys = keys;
    return keys;
  }

  #sendNewKeys(): void {
    const { outbound } = this.#context;
    this.#context.transport.send({ type: 'NEWKEYS' });
    const suite = this.#suite();
    switchOutbound(outbound, suite.sealer(), this.#state.strict, suite.deflater());
    this.#context.beforeRelease(this.#state.initial);
    outbound.gate.open();
  }

  #switchInbound(): void {
    const suite = this.#suite();
    const { inbound } = this.#context;
    switchInbound(inbound, suite.opener(), this.#state.strict, suite.inflater());
  }

  #complete(initial: boolean): void {
    this.#algorithms = required(this.#exchange).algorithms;
    this.#exchange = undefined;
    this.#ownInit = undefined;
    this.#peerInit = undefined;
    this.#context.completed(initial);
  }

  #suite(): Suite {
    const exchange = required(this.#exchange);
    return suiteOf(this.#context.role, exchange.algorithms, required(exchange.keys));
  }
}

/** The reducer's order guarantees the value; that it is there is checked all the same. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw protocolError('key exchange out of order');
  return value;
}
