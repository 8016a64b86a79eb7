/**
 * `publickey` (RFC 4252 §7). The client asks about each key before it signs: a server gets no signature of a key that it does
 * not know, and no agent asks its user for nothing.
 */
import { catchError, from, concatMap, map, Observable, of } from 'rxjs';
import { escapeText, isSshError, protocolError, toError } from '../../errors.ts';
import { fingerprint } from '../../keys/fingerprint.ts';
import { hasMinimumRsaBits, parsePublicKey, type PublicKey } from '../../keys/public-key.ts';
import { signatureAlgorithm, verifySignature } from '../../keys/signature-algorithms.ts';
import type { Signer } from '../../keys/signer.ts';
import type { Message } from '../../messages/catalogue.ts';
import { publicKeyData, USERAUTH_METHOD_MESSAGES } from '../../messages/userauth.ts';
import { equalBytes, utf8Bytes } from '../../wire/bytes.ts';
import { Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import type { ClientMethod, ClientMethodContext, ClientMove } from '../client-method.ts';
import { IdentityQueue, type QueuedIdentity } from '../identity-queue.ts';
import type { ServerMethod, ServerMethodContext, UserauthRequest } from '../server-method.ts';
import { acceptedByServer, chooseAlgorithm } from '../signature-choice.ts';
import { signedData } from '../signed-data.ts';

const NOTHING = new Uint8Array(0);

/** The client's half; `undefined` without a source of keys. */
export function publicKeyClient(context: ClientMethodContext): ClientMethod | undefined {
  const { identities } = context.options;
  if (identities === undefined) return undefined;
  const sources = typeof identities === 'function' ? [identities] : identities;
  return new PublicKeyClient(context, new IdentityQueue(sources, context.lifetime));
}

/** The key that the server was asked about. */
interface Probe {
  readonly signer: Signer;
  readonly algorithm: string;
  readonly label: string;
}

class PublicKeyClient implements ClientMethod {
  readonly name = 'publickey';
  readonly rows = USERAUTH_METHOD_MESSAGES.publickey;
  readonly hasManyCredentials = true;
  readonly #context: ClientMethodContext;
  readonly #identities: IdentityQueue;
  #probe: Probe | undefined;

  constructor(context: ClientMethodContext, identities: IdentityQueue) {
    this.#context = context;
    this.#identities = identities;
  }

  next(): Observable<ClientMove> {
    this.#probe = undefined;
    return this.#identities.next().pipe(concatMap((identity) => this.#offer(identity)));
  }

  answer(message: Message): Observable<ClientMove> {
    const probe = this.#probe;
    this.#probe = undefined;
    if (message.type !== 'USERAUTH_PK_OK' || probe === undefined)
      throw protocolError(`${message.type} in answer to publickey`);
    const { publicKey } = probe.signer;
    // npm ssh2 and others name the key's type where the algorithm belongs; what is signed with is ours to say
    const isOurs = message.algorithm === probe.algorithm || message.algorithm === publicKey.type;
    if (!isOurs || !equalBytes(message.publicKey, publicKey.blob))
      throw protocolError('USERAUTH_PK_OK for a key that was not asked about');
    return this.#sign(probe);
  }

  #offer(identity: QueuedIdentity): Observable<ClientMove> {
    if (identity.type === 'failure') return of(skipped(undefined, identity.error));
    const { signer } = identity;
    const { publicKey, algorithms } = signer;
    const label = labelOf(signer);
    const accepted = acceptedByServer(this.#context.extensions);
    const algorithm = chooseAlgorithm(publicKey.type, algorithms, accepted);
    if (algorithm === undefined) {
      const reason = `no signature algorithm in common: ${algorithms.join(', ')}`;
      return of({ type: 'attempt', attempt: { with: label, outcome: 'refused-type', reason } });
    }
    const probe = { signer, algorithm, label };
    return signer.isImmediate === true ? this.#sign(probe) : of(this.#ask(probe));
  }

  /** Asks whether the key would be taken, before somebody is asked for a passphrase or to touch a device (RFC 4252 §7). */
  #ask(probe: Probe): ClientMove {
    this.#probe = probe;
    const { algorithm, label, signer } = probe;
    const question = { signed: false, algorithm, publicKey: signer.publicKey.blob, rest: NOTHING };
    return { type: 'request', methodData: publicKeyData.encode(question), with: label };
  }

  #sign({ signer, algorithm, label }: Probe): Observable<ClientMove> {
    const { options, service, sessionId } = this.#context;
    const publicKey = signer.publicKey.blob;
    const data = signedData(sessionId, {
      ...{ userName: options.user, serviceName: service, algorithm, publicKey },
    });
    return signatureOf(signer, data, algorithm).pipe(
      map((signature): ClientMove => {
        checkFormat(signature, algorithm);
        const rest = new Writer().string(signature).bytes();
        const methodData = publicKeyData.encode({ signed: true, algorithm, publicKey, rest });
        return { type: 'request', methodData, with: label };
      }),
      catchError((error: unknown) => {
        this.#identities.forget(signer);
        return of(skipped(label, error));
      }),
    );
  }
}

/** Signs when subscribed to; unsubscribing tells the signer that nobody waits any more. */
function signatureOf(signer: Signer, data: Uint8Array, algorithm: string): Observable<Uint8Array> {
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const signature = Promise.resolve(signer.sign(data, algorithm, abort.signal));
    subscriber.add(from(signature).subscribe(subscriber));
    return () => abort.abort();
  });
}

/** Agents that do not know the flags of RFC 8332 sign with SHA-1 instead, and do not say so. */
function checkFormat(signature: Uint8Array, algorithm: string): void {
  const format = new Reader(signature, 'signature').string();
  if (!equalBytes(format, utf8Bytes(algorithm)))
    throw protocolError(`asked for ${algorithm}, the signer has used another algorithm`);
}

function skipped(label: string | undefined, error: unknown): ClientMove {
  const reason = escapeText(toError(error).message, 256);
  const credential = label === undefined ? {} : { with: label };
  return { type: 'attempt', attempt: { ...credential, outcome: 'skipped', reason } };
}

function labelOf({ publicKey, source, comment }: Signer): string {
  const origin = source ?? comment;
  const from = origin === undefined || origin === '' ? '' : ` (${escapeText(origin, 128)})`;
  return `${publicKey.type} ${fingerprint(publicKey)}${from}`;
}

/** The server's half: a signature is verified before anyone is asked about its key. */
export const publicKeyServer: ServerMethod = {
  name: 'publickey',
  examine(request, context) {
    const data = publicKeyData.decode(request.methodData);
    if (!data.signed && data.rest.length > 0)
      throw protocolError('publickey request with bytes left over');
    const isQuestion = !data.signed;
    const key = readKey(data.publicKey);
    const refusal =
      key === undefined ? 'key not readable' : whyRefused(key, data.algorithm, context);
    if (key === undefined || refusal !== undefined)
      return { type: 'refuse', reason: refusal ?? '', isQuestion };
    const { signed, algorithm } = data;
    if (signed && !isSignatureValid(request, key, data, context)) {
      const reason = 'signature does not verify';
      return { type: 'refuse', reason, with: fingerprint(key, context.provider) };
    }
    return { type: 'ask', credential: { method: 'publickey', publicKey: key, algorithm, signed } };
  },
};

function readKey(blob: Uint8Array): PublicKey | undefined {
  try {
    return parsePublicKey(blob);
  } catch (error) {
    if (isSshError(error)) return undefined;
    throw error;
  }
}

function whyRefused(
  key: PublicKey,
  algorithm: string,
  context: ServerMethodContext,
): string | undefined {
  if (!context.algorithms.includes(algorithm)) return 'signature algorithm not accepted';
  if (signatureAlgorithm(algorithm)?.keyType !== key.type) return 'key of another type';
  return hasMinimumRsaBits(key, context.minimumRsaBits) ? undefined : 'RSA key too short';
}

/** RFC 4252 §7: over the session identifier and the request, in which user, service, algorithm and key stand. */
function isSignatureValid(
  { userName, serviceName }: UserauthRequest,
  key: PublicKey,
  data: { readonly algorithm: string; readonly publicKey: Uint8Array; readonly rest: Uint8Array },
  { sessionId, provider }: ServerMethodContext,
): boolean {
  const signature = readSignature(data.rest);
  if (signature === undefined) return false;
  const { algorithm, publicKey } = data;
  const signed = signedData(sessionId, { userName, serviceName, algorithm, publicKey });
  return verifySignature(algorithm, key, signed, signature, provider);
}

function readSignature(rest: Uint8Array): Uint8Array | undefined {
  try {
    const reader = new Reader(rest, 'publickey request');
    const signature = reader.string();
    reader.end();
    return signature;
  } catch {
    return undefined;
  }
}
