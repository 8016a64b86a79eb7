/**
 * The messages of a key exchange method, as steps: what is sent first, what an answer leads to. The rows of
 * crypto/key-agreements.ts compute; here stands who sends what (RFC 5656 §4, RFC 8731 §3).
 */
import type { KeyAgreementRow } from '../crypto/key-agreements.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { protocolError } from '../errors.ts';
import type { KexMessage } from '../messages/kex.ts';
import { Writer } from '../wire/writer.ts';
import { encodeSharedSecret } from './key-derivation.ts';

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

/** One run of a method at the client: sends `first`, then takes messages until there is a result. */
export interface ClientKexMethod {
  readonly first: KexMessage;
  receive(message: KexMessage): ClientKexResult;
}

/** One run of a method at the server. */
export interface ServerKexMethod {
  receive(message: KexMessage): ServerKexResult;
}

/** Begins a method at the client. */
export function clientKexMethod(row: KeyAgreementRow, provider: CryptoProvider): ClientKexMethod {
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

/** Begins a method at the server. */
export function serverKexMethod(row: KeyAgreementRow, provider: CryptoProvider): ServerKexMethod {
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

function wrongMessage(message: KexMessage): Error {
  return protocolError(`${message.type} in the wrong direction`);
}
