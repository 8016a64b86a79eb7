/**
 * `publickey` (RFC 4252 §7). The client asks about a key before somebody has to do something for it: no agent asks its user for nothing.
 * What signs by itself is sent with its signature, which spares a turn.
 */
import { catchError, concat, concatMap, defer, map, type Observable, of } from 'rxjs';
import { protocolError } from '../../errors.ts';
import { fingerprint } from '../../keys/fingerprint.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import { verifySignature } from '../../keys/signature-algorithms.ts';
import { securityKeyState } from '../../keys/security-keys.ts';
import type { Signer } from '../../keys/signer.ts';
import type { Message } from '../../messages/catalogue.ts';
import { publicKeyData, USERAUTH_METHOD_MESSAGES } from '../../messages/userauth.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { Reader } from '../../wire/reader.ts';
import { Writer } from '../../wire/writer.ts';
import type { ClientMethod, ClientMethodContext, ClientMove } from '../client-method.ts';
import { IdentityQueue, type QueuedIdentity } from '../identity-queue.ts';
import { examineKey } from '../key-proof.ts';
import { labelOf, signatureOf, skipped, withoutAlgorithm } from '../key-signing.ts';
import type { ServerMethod, ServerMethodContext, UserauthRequest } from '../server-method.ts';
import { acceptedByServer, algorithmsToTry } from '../signature-choice.ts';
import { signedData } from '../signed-data.ts';

const NOTHING = new Uint8Array(0);

/** The client's half; `undefined` without a source of keys. */
export function publicKeyClient(context: ClientMethodContext): ClientMethod | undefined {
  const { identities } = context.options;
  if (identities === undefined) return undefined;
  return new PublicKeyClient(context, new IdentityQueue(identities, context.lifetime));
}

/** A key, and how it is tried. */
interface Trial {
  readonly signer: Signer;
  readonly algorithm: string;
  /** What is left to try when the server takes no signature by this one. */
  readonly otherAlgorithms: readonly string[];
  readonly label: string;
}

class PublicKeyClient implements ClientMethod {
  readonly name = 'publickey';
  readonly rows = USERAUTH_METHOD_MESSAGES.publickey;
  readonly hasManyCredentials = true;
  readonly #context: ClientMethodContext;
  readonly #identities: IdentityQueue;
  /** Keys that were rejected with one algorithm and have another, or were not looked at: they wait until every key had its turn. */
  readonly #again: Trial[] = [];
  /** What the server was asked about, and has not answered. */
  #probe: Trial | undefined;
  /** What the last request was about. */
  #last: Trial | undefined;

  constructor(context: ClientMethodContext, identities: IdentityQueue) {
    this.#context = context;
    this.#identities = identities;
  }

  next(): Observable<ClientMove> {
    this.#probe = undefined;
    this.#last = undefined;
    return concat(
      this.#identities.next().pipe(concatMap((identity) => this.#offer(identity))),
      defer(() => this.#again.splice(0, 1)).pipe(concatMap((trial) => this.#try(trial))),
    );
  }

  refused(outcome: 'rejected' | 'refused-type'): void {
    const last = this.#last;
    if (last === undefined) return;
    if (outcome === 'refused-type') this.#again.push(last);
    const [algorithm, ...otherAlgorithms] = last.otherAlgorithms;
    if (outcome === 'refused-type' || algorithm === undefined) return;
    const label = `${labelOf(last.signer)} with ${algorithm}`;
    this.#again.push({ signer: last.signer, algorithm, otherAlgorithms, label });
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
    const label = labelOf(signer);
    const accepted = acceptedByServer(this.#context.extensions);
    const { signatureAlgorithms } = this.#context.options;
    const { publicKey, algorithms: able } = signer;
    const algorithms = algorithmsToTry(publicKey.type, able, accepted, signatureAlgorithms);
    const [algorithm, ...otherAlgorithms] = algorithms;
    if (algorithm === undefined) return of(withoutAlgorithm(label, signer));
    return this.#try({ signer, algorithm, otherAlgorithms, label });
  }

  #try(trial: Trial): Observable<ClientMove> {
    this.#last = trial;
    return trial.signer.isImmediate === true ? this.#sign(trial) : of(this.#ask(trial));
  }

  /** Asks whether the key would be taken, before somebody is asked for a passphrase or to touch a device (RFC 4252 §7). */
  #ask(probe: Trial): ClientMove {
    this.#probe = probe;
    const { algorithm, label, signer } = probe;
    const question = { signed: false, algorithm, publicKey: signer.publicKey.blob, rest: NOTHING };
    const methodData = publicKeyData.encode(question);
    return { type: 'request', methodData, with: label, isQuestion: true };
  }

  #sign({ signer, algorithm, label }: Trial): Observable<ClientMove> {
    const { options, service, sessionId } = this.#context;
    const publicKey = signer.publicKey.blob;
    const data = signedData(sessionId, {
      userName: options.user,
      serviceName: service,
      algorithm,
      publicKey,
    });
    return signatureOf(signer, data, algorithm).pipe(
      map((signature): ClientMove => {
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

/** The server's half: a signature is verified before anyone is asked about its key. */
export const publicKeyServer: ServerMethod = {
  name: 'publickey',
  examine(request, context) {
    const data = publicKeyData.decode(request.methodData);
    if (!data.signed && data.rest.length > 0)
      throw protocolError('publickey request with bytes left over');
    const isQuestion = !data.signed;
    const key = examineKey(data.publicKey, data.algorithm, context);
    if (typeof key === 'string') return { type: 'refuse', reason: key, isQuestion };
    const { signed, algorithm } = data;
    const credential = { method: 'publickey', publicKey: key, algorithm, signed } as const;
    if (!signed) return { type: 'ask', credential };
    const signature = validSignature(request, key, data, context);
    if (signature === undefined) {
      const reason = 'signature does not verify';
      return { type: 'refuse', reason, with: fingerprint(key, context.provider) };
    }
    const securityKey = securityKeyState(algorithm, signature);
    const state = securityKey === undefined ? {} : { securityKey };
    return { type: 'ask', credential: { ...credential, ...state } };
  },
};

/** RFC 4252 §7: over the session identifier and the request, in which user, service, algorithm and key stand. */
function validSignature(
  { userName, serviceName }: UserauthRequest,
  key: PublicKey,
  data: { readonly algorithm: string; readonly publicKey: Uint8Array; readonly rest: Uint8Array },
  { sessionId, provider }: ServerMethodContext,
): Uint8Array | undefined {
  const signature = readSignature(data.rest);
  if (signature === undefined) return undefined;
  const { algorithm, publicKey } = data;
  const signed = signedData(sessionId, { userName, serviceName, algorithm, publicKey });
  return verifySignature(algorithm, key, signed, signature, provider) ? signature : undefined;
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
