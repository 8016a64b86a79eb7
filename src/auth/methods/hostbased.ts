/** `hostbased` (RFC 4252 §9): the client's host says by a signature who its user is. */
import { catchError, concatMap, map, type Observable, of } from 'rxjs';
import { protocolError } from '../../errors.ts';
import { fingerprint } from '../../keys/fingerprint.ts';
import { verifySignature } from '../../keys/signature-algorithms.ts';
import type { Signer } from '../../keys/signer.ts';
import type { Message } from '../../messages/catalogue.ts';
import { hostbasedData } from '../../messages/userauth.ts';
import type { ClientMethod, ClientMethodContext, ClientMove } from '../client-method.ts';
import type { HostbasedIdentity } from '../client-options.ts';
import { IdentityQueue, type QueuedIdentity } from '../identity-queue.ts';
import { examineKey } from '../key-proof.ts';
import { labelOf, signatureOf, skipped, withoutAlgorithm } from '../key-signing.ts';
import { isTooLong, type ServerMethod } from '../server-method.ts';
import { acceptedByServer, algorithmsToTry } from '../signature-choice.ts';
import { hostbasedSignedData } from '../signed-data.ts';

/** The client's half; `undefined` without a host that vouches. */
export function hostbasedClient(context: ClientMethodContext): ClientMethod | undefined {
  const { hostbased } = context.options;
  return hostbased === undefined ? undefined : new HostbasedClient(context, hostbased);
}

class HostbasedClient implements ClientMethod {
  readonly name = 'hostbased';
  readonly rows = [];
  readonly hasManyCredentials = false;
  readonly #context: ClientMethodContext;
  readonly #identity: HostbasedIdentity;
  readonly #hostKeys: IdentityQueue;
  #last: Signer | undefined;
  /** With what the last key signed, and with what else it could. */
  #algorithm = '';
  #left: readonly string[] = [];

  constructor(context: ClientMethodContext, identity: HostbasedIdentity) {
    this.#context = context;
    this.#identity = identity;
    this.#hostKeys = new IdentityQueue(identity.hostKeys, context.lifetime);
  }

  next(): Observable<ClientMove> {
    const last = this.#last;
    if (last !== undefined && this.#left.length > 0) return this.#try(last, this.#left);
    return this.#hostKeys.next().pipe(concatMap((identity) => this.#offer(identity)));
  }

  refused(outcome: 'rejected' | 'refused-type'): void {
    if (outcome === 'refused-type' && this.#last !== undefined)
      this.#left = [this.#algorithm, ...this.#left];
  }

  answer(message: Message): never {
    throw protocolError(`${message.type} in answer to hostbased`);
  }

  #offer(identity: QueuedIdentity): Observable<ClientMove> {
    this.#last = undefined;
    if (identity.type === 'failure') return of(skipped(undefined, identity.error));
    const { signer } = identity;
    const accepted = acceptedByServer(this.#context.extensions);
    const { signatureAlgorithms } = this.#context.options;
    const { publicKey, algorithms } = signer;
    return this.#try(
      signer,
      algorithmsToTry(publicKey.type, algorithms, accepted, signatureAlgorithms),
    );
  }

  #try(signer: Signer, [algorithm, ...others]: readonly string[]): Observable<ClientMove> {
    const label = labelOf(signer);
    this.#left = others;
    if (algorithm === undefined) return of(withoutAlgorithm(label, signer));
    this.#last = signer;
    this.#algorithm = algorithm;
    const { options, service, sessionId } = this.#context;
    const { clientHost, localUser } = this.#identity;
    const claim = { algorithm, hostKey: signer.publicKey.blob, clientHost, localUser };
    const request = { userName: options.user, serviceName: service, ...claim };
    const signed = hostbasedSignedData(sessionId, request);
    return signatureOf(signer, signed, algorithm).pipe(
      map((signature): ClientMove => {
        const methodData = hostbasedData.encode({ ...claim, signature });
        return { type: 'request', methodData, with: label };
      }),
      catchError((error: unknown) => of(skipped(label, error))),
    );
  }
}

/** The server's half: whose key it is, and which user may come from where, is for the policy to say. */
export const hostbasedServer: ServerMethod = {
  name: 'hostbased',
  examine({ userName, serviceName, methodData }, context) {
    const { signature, ...claim } = hostbasedData.decode(methodData);
    const { algorithm, localUser } = claim;
    // policies look them up among patterns and hashes, which takes time in proportion
    if (isTooLong(claim.clientHost) || isTooLong(localUser))
      return { type: 'refuse', reason: 'name too long' };
    const hostKey = examineKey(claim.hostKey, algorithm, context);
    if (typeof hostKey === 'string') return { type: 'refuse', reason: hostKey };
    const { sessionId, provider } = context;
    const signed = hostbasedSignedData(sessionId, { userName, serviceName, ...claim });
    if (!verifySignature(algorithm, hostKey, signed, signature, provider)) {
      const reason = 'signature does not verify';
      return { type: 'refuse', reason, with: fingerprint(hostKey, provider) };
    }
    // OpenSSH's client writes the name as a full one, with a dot at its end
    const clientHost = claim.clientHost.replace(/\.$/, '');
    const credential = { method: 'hostbased', hostKey, algorithm, clientHost, localUser } as const;
    return { type: 'ask', credential };
  },
};
