/** A key that signs a request of the client's: what publickey and hostbased have in common. */
import { map, Observable } from 'rxjs';
import { escapeText, protocolError, toError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { signWith } from '../keys/sign-with.ts';
import type { Signer } from '../keys/signer.ts';
import { equalBytes, utf8Bytes } from '../wire/bytes.ts';
import { Reader } from '../wire/reader.ts';
import type { ClientMove } from './client-method.ts';

/**
 * Signs when subscribed to; unsubscribing tells the signer that nobody waits any more. Errors with what the signer says, and
 * with `protocol` when it has used another algorithm.
 */
export function signatureOf(
  signer: Signer,
  data: Uint8Array,
  algorithm: string,
): Observable<Uint8Array> {
  const signature$ = new Observable<Uint8Array>((subscriber) => {
    const abort = new AbortController();
    // what comes when it was called off, the error that it was above all, nobody waits for
    Promise.resolve(signWith(signer, data, algorithm, abort.signal)).then(
      (signature) => {
        if (subscriber.closed) return;
        subscriber.next(signature);
        subscriber.complete();
      },
      (error: unknown) => {
        if (!subscriber.closed) subscriber.error(error);
      },
    );
    return () => abort.abort();
  });
  return signature$.pipe(map((signature) => checkedFormat(signature, algorithm)));
}

/** Agents that do not know the flags of RFC 8332 sign with SHA-1 instead, and do not say so. */
function checkedFormat(signature: Uint8Array, algorithm: string): Uint8Array {
  const format = new Reader(signature, 'signature').string();
  if (equalBytes(format, utf8Bytes(algorithm))) return signature;
  throw protocolError(`asked for ${algorithm}, the signer has used another algorithm`);
}

/** A key that could not be used. */
export function skipped(label: string | undefined, error: unknown): ClientMove {
  const reason = escapeText(toError(error).message, 256);
  const credential = label === undefined ? {} : { with: label };
  return { type: 'attempt', attempt: { ...credential, outcome: 'skipped', reason } };
}

/** A key that the server has no algorithm for. */
export function withoutAlgorithm(label: string, { algorithms }: Signer): ClientMove {
  const reason = `no signature algorithm in common: ${algorithms.join(', ')}`;
  return { type: 'attempt', attempt: { with: label, outcome: 'refused-type', reason } };
}

/** What a key is called in the list of attempts. */
export function labelOf({ publicKey, source, comment }: Signer): string {
  const origin = source ?? comment;
  const from = origin === undefined || origin === '' ? '' : ` (${escapeText(origin, 128)})`;
  return `${publicKey.type} ${fingerprint(publicKey)}${from}`;
}
