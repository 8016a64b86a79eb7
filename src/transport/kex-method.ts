/**
 * Key exchange methods, as steps: what is sent first, what each answer leads to. Here stand the methods of one public value each
 * way (RFC 4253 §8, RFC 5656 §4, RFC 8731 §3), whose mathematics are the rows of crypto/key-agreements.ts.
 */
import type { KeyAgreementRow } from '../crypto/key-agreements.ts';
import type { CryptoProvider, HashName, ModpGroup } from '../crypto/provider.ts';
import type { Row } from '../crypto/standing.ts';
import { protocolError, type SshError } from '../errors.ts';
import { ECDH_MESSAGES, type KexMessage } from '../messages/kex.ts';
import type { MessageRow } from '../wire/message.ts';
import { Writer } from '../wire/writer.ts';
import { encodeSharedSecret } from './key-derivation.ts';
import type { Algorithms } from './negotiation.ts';

/** What a method has come to, before host key and signature are looked at. */
export interface KexSecret {
  /** Q_C and Q_S (or what the method has in their place), encoded for the exchange hash. */
  readonly exchangeValues: Uint8Array;
  /** K, encoded for the exchange hash and the key derivation. */
  readonly sharedSecret: Uint8Array;
}

/** A client's result: what the server claims and must prove. */
export interface ClientKexResult extends KexSecret {
  readonly hostKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** A server's result: its reply waits for the signature. */
export interface ServerKexResult extends KexSecret {
  reply(hostKey: Uint8Array, signature: Uint8Array): KexMessage;
}

/** A method that goes on: what is sent next. */
export interface KexAnswer {
  readonly send: KexMessage;
}

/** One run of a method at the client: sends `first`, then takes messages until there is a result. */
export interface ClientKexMethod {
  readonly first: KexMessage;
  /** Throws a `protocol` error for a message that is not due, or whose values give no secret. */
  receive(message: KexMessage): KexAnswer | ClientKexResult;
}

/** One run of a method at the server. */
export interface ServerKexMethod {
  /** Throws a `protocol` error for a message that is not due, or whose values give no secret. */
  receive(message: KexMessage): KexAnswer | ServerKexResult;
}

/** Which groups a server gives to clients that ask for one (RFC 4419). */
export interface GroupExchangeOptions {
  /** Groups beside those of RFC 3526, as `parseModuli` reads them. */
  readonly moduli: readonly ModpGroup[];
  /** Longest prime in bits: bounds the work that a client can cause. */
  readonly maxModulusBits: number;
}

/** What a run of a method may ask for. */
export interface KexMethodContext {
  readonly provider: CryptoProvider;
  readonly algorithms: Algorithms;
  readonly groupExchange: GroupExchangeOptions;
}

/** A key exchange method; nothing is computed before it is begun. */
export interface KexMethodRow extends Row {
  /** Hashes the exchange and derives the keys. */
  readonly hash: HashName;
  /** Is what is recorded today safe from a quantum computer of tomorrow, as far as is known? */
  readonly isPostQuantum: boolean;
  /** What the numbers from 30 to 49 mean in it. */
  readonly messages: readonly MessageRow[];
  /** Begins as the client. */
  client(context: KexMethodContext): ClientKexMethod;
  /** Begins as the server. */
  server(context: KexMethodContext): ServerKexMethod;
}

/** The method around a key agreement: INIT and REPLY. */
export function agreementMethod(row: KeyAgreementRow): KexMethodRow {
  const { name, standing, hash, isPostQuantum } = row;
  return {
    name,
    standing,
    hash,
    isPostQuantum,
    messages: ECDH_MESSAGES,
    client: ({ provider }) => clientAgreement(row, provider),
    server: ({ provider }) => serverAgreement(row, provider),
  };
}

/** The error of a message that the method does not expect of this side, or not now. */
export function wrongMessage(message: KexMessage): SshError<'protocol'> {
  return protocolError(`${message.type} out of order, or in the wrong direction`);
}

function clientAgreement(row: KeyAgreementRow, provider: CryptoProvider): ClientKexMethod {
  const agreement = row.initiate(provider);
  return {
    first: { type: 'KEX_ECDH_INIT', clientPublicKey: agreement.publicValue },
    receive(message): ClientKexResult {
      if (message.type !== 'KEX_ECDH_REPLY') throw wrongMessage(message);
      const secret = agreement.finish(message.serverPublicKey);
      return {
        hostKey: message.hostKey.slice(),
        signature: message.signature.slice(),
        exchangeValues: exchangeValues(agreement.publicValue, message.serverPublicKey),
        sharedSecret: encodeSharedSecret(secret, row.secretEncoding),
      };
    },
  };
}

function serverAgreement(row: KeyAgreementRow, provider: CryptoProvider): ServerKexMethod {
  return {
    receive(message): ServerKexResult {
      if (message.type !== 'KEX_ECDH_INIT') throw wrongMessage(message);
      const { publicValue, sharedSecret } = row.respond(provider, message.clientPublicKey);
      return {
        exchangeValues: exchangeValues(message.clientPublicKey, publicValue),
        sharedSecret: encodeSharedSecret(sharedSecret, row.secretEncoding),
        reply: (hostKey, signature) => ({
          type: 'KEX_ECDH_REPLY',
          hostKey,
          serverPublicKey: publicValue,
          signature,
        }),
      };
    },
  };
}

function exchangeValues(clientValue: Uint8Array, serverValue: Uint8Array): Uint8Array {
  return new Writer().string(clientValue).string(serverValue).bytes();
}
