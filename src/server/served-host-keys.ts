/** The host keys that a server has besides the one that it has shown: told of, and proven on demand (OpenSSH PROTOCOL 2.5). */
import { concat, defer, map, type Observable, of, toArray } from 'rxjs';
import type { GlobalRequestHandler, GlobalRequests } from '../channels/global-requests.ts';
import type { Signer } from '../keys/signer.ts';
import {
  HOST_KEYS,
  HOST_KEYS_PROVE,
  hostKeyList,
  hostKeyProofData,
  hostKeyProofs,
} from '../messages/host-keys.ts';
import type { Handshake } from '../streams/transport-options.ts';
import { equalBytes } from '../wire/bytes.ts';
import { signWith } from '../keys/sign-with.ts';

/** Requests for proofs that one connection may send: a client has one, and a signature takes its time. */
const MAX_REQUESTS = 4;

/** Tells a client that is logged in of all keys. */
export function tellHostKeys(requests: GlobalRequests, signers: readonly Signer[]): void {
  const hostKeys = signers.map(({ publicKey }) => ({ blob: publicKey.blob }));
  requests.notify(HOST_KEYS, hostKeyList.encode({ hostKeys }));
}

/**
 * Answers requests for proofs: a signature of each key over itself and the session, one after the other. A key that is not ours,
 * and one that is asked for twice, refuses all. Good for one connection.
 */
export function proveHostKeys(
  signers: readonly Signer[],
  { sessionId, algorithms }: Handshake,
): GlobalRequestHandler {
  const prove = (signer: Signer): Observable<Uint8Array> =>
    defer(() => {
      const hostKey = signer.publicKey.blob;
      const data = hostKeyProofData.encode({ purpose: HOST_KEYS_PROVE, sessionId, hostKey });
      const signature = signWith(signer, data, proofAlgorithm(signer, algorithms.hostKey));
      return signature instanceof Uint8Array ? of(signature) : signature;
    });
  let requests = 0;
  return ({ payload }) => {
    if (++requests > MAX_REQUESTS) return false;
    const asked = hostKeyList.decode(payload).hostKeys;
    const chosen = new Set(
      asked.flatMap(
        ({ blob }) => signers.find(({ publicKey }) => equalBytes(blob, publicKey.blob)) ?? [],
      ),
    );
    if (asked.length === 0 || chosen.size !== asked.length) return false;
    return concat(...[...chosen].map(prove)).pipe(
      map((signature) => ({ signature })),
      toArray(),
      map((proofs) => hostKeyProofs.encode({ proofs })),
    );
  };
}

/** An RSA key has several: the client expects the one that was negotiated, if that was one of RSA. */
function proofAlgorithm({ algorithms }: Signer, negotiated: string): string {
  return algorithms.includes(negotiated) ? negotiated : (algorithms[0] ?? negotiated);
}
