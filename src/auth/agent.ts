/**
 * A client of SSH agents (RFC 9987, formerly draft-miller-ssh-agent): keys that sign without leaving their agent. Each use
 * opens a connection of its own, has one request on it, and closes it: nothing stays open, and no reply can be mistaken for
 * another's.
 */
import { map, mergeMap, Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { abortedError, isSshError, SshError } from '../errors.ts';
import { parsePublicKey, type PublicKey } from '../keys/public-key.ts';
import { signatureAlgorithmsFor } from '../keys/signature-algorithms.ts';
import type { Signer } from '../keys/signer.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { after, timeoutError } from '../streams/deadline.ts';
import { ByteWindow } from '../wire/byte-window.ts';
import { concatBytes, readUint32, writeUint32 } from '../wire/bytes.ts';
import {
  type AgentIdentity,
  readIdentities,
  readSignature,
  requestIdentities,
  signRequest,
} from './agent-messages.ts';

/** Longest reply, in bytes, as in OpenSSH. */
const MAX_REPLY = 256 * 1024;
const DEFAULT_TIMEOUT = 10_000;
const DEFAULT_SIGN_TIMEOUT = 60_000;

/** How long an agent may take. */
export interface AgentOptions {
  /**
   * Milliseconds from the request to the reply, and from a reply's first byte to its last; 10 000 unless said otherwise, 0 is
   * no limit.
   */
  readonly timeout?: number;
  /** Milliseconds until a signature begins to arrive: the agent may ask its user; 60 000 unless said otherwise, 0 is no limit. */
  readonly signTimeout?: number;
  readonly scheduler?: SchedulerLike;
}

/**
 * The keys that an agent holds, in its order, as signers. Cold: each subscription asks anew, and the connection is closed before
 * the first key is emitted. Completes after the last key. Keys of types that are not known here are left out.
 *
 * Errors with what `open` errors with; `connection-lost` when the agent closes the connection; `timeout` (phase `agent`);
 * `overflow` for a reply of more than 256 KiB or 1024 keys; `request-refused` when the agent says no; `protocol` for any other
 * reply. A signer's `sign` rejects with the same, and with `unsupported` when the agent signs with another algorithm.
 *
 * @param open - connects to the agent: emits a duplex, and lets it go when unsubscribed
 *
 * @example
 * ```ts
 * authenticateClient(transport, { user: 'deploy', identities: () => agentIdentities(agentSocket()) });
 * ```
 */
export function agentIdentities(
  open: Observable<ByteDuplex>,
  options: AgentOptions = {},
): Observable<Signer> {
  const { timeout = DEFAULT_TIMEOUT } = options;
  return exchange(open, requestIdentities(), timeout, options).pipe(
    map(readIdentities),
    mergeMap((identities) => identities.flatMap((identity) => signerOf(identity, open, options))),
  );
}

/** A key behind an agent; none when its type is not known. */
function signerOf(
  { publicKey: blob, comment }: AgentIdentity,
  open: Observable<ByteDuplex>,
  options: AgentOptions,
): readonly Signer[] {
  const publicKey = readKey(blob);
  if (publicKey === undefined) return [];
  const { signTimeout = DEFAULT_SIGN_TIMEOUT } = options;
  const signer: Signer = {
    publicKey,
    algorithms: signatureAlgorithmsFor(publicKey.type),
    comment,
    source: comment === '' ? 'agent' : `agent: ${comment}`,
    sign: (data, algorithm, signal) => {
      const request = signRequest(publicKey.blob, data, algorithm);
      const signature$ = exchange(open, request, signTimeout, options).pipe(
        map((reply) => readSignature(reply, algorithm)),
      );
      return promiseOf(signature$, signal);
    },
  };
  return [signer];
}

function readKey(blob: Uint8Array): PublicKey | undefined {
  try {
    return parsePublicKey(blob);
  } catch (error) {
    if (isSshError(error, 'key-format')) return undefined;
    throw error;
  }
}

/** One request and its reply, on a connection of their own. */
function exchange(
  open: Observable<ByteDuplex>,
  request: Uint8Array,
  patience: number,
  { timeout = DEFAULT_TIMEOUT, scheduler }: AgentOptions,
): Observable<Uint8Array> {
  return new Observable((subscriber) => {
    const connection = new Subscription();
    subscriber.add(connection);
    const wait = (milliseconds: number): Subscription =>
      after(milliseconds, () => subscriber.error(timeoutError('agent', milliseconds)), scheduler);
    let deadline = wait(patience);
    connection.add(() => deadline.unsubscribe());
    const began = (): void => {
      deadline.unsubscribe();
      deadline = wait(timeout);
    };
    const arrived = (reply: Uint8Array): void => {
      // closed first: whoever takes the reply may open the next connection at once
      connection.unsubscribe();
      subscriber.next(reply);
      subscriber.complete();
    };
    let isOpen = false;
    connection.add(
      open.subscribe({
        next: (duplex) => {
          isOpen = true;
          connection.add(() => duplex.destroy());
          connection.add(readReply(duplex, subscriber, began, arrived));
          duplex.write(framed(request), nothing);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          if (!isOpen) subscriber.error(lost());
        },
      }),
    );
  });
}

/** Collects the bytes of one reply: `uint32 length`, then as much. */
function readReply(
  duplex: ByteDuplex,
  subscriber: Subscriber<Uint8Array>,
  began: () => void,
  arrived: (reply: Uint8Array) => void,
): Subscription {
  const received = new ByteWindow();
  return duplex.readable$.subscribe({
    next: (chunk) => {
      if (received.length === 0) began();
      received.append(chunk);
      if (received.length < 4) return;
      const length = readUint32(received.peek(4), 0);
      if (length > MAX_REPLY) subscriber.error(tooLong(length));
      else if (received.length >= 4 + length) arrived(received.peek(4 + length).slice(4));
    },
    error: (error: unknown) => subscriber.error(error),
    complete: () => subscriber.error(lost()),
  });
}

function framed(request: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  writeUint32(length, 0, request.length);
  return concatBytes([length, request]);
}

function tooLong(length: number): SshError<'overflow'> {
  const detail = { what: "agent's reply", limit: MAX_REPLY };
  return new SshError('overflow', `the agent announces a reply of ${String(length)} bytes`, detail);
}

function lost(): SshError<'connection-lost'> {
  return new SshError('connection-lost', 'the agent has closed the connection', {});
}

/** The value of a source that emits one, called off when the signal fires. */
function promiseOf<T>(source: Observable<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(abortedError(signal));
      return;
    }
    const subscription = source.subscribe({ next: resolve, error: reject });
    const abort = (): void => {
      subscription.unsubscribe();
      if (signal !== undefined) reject(abortedError(signal));
    };
    signal?.addEventListener('abort', abort);
    subscription.add(() => signal?.removeEventListener('abort', abort));
  });
}

function nothing(): void {
  // the reply tells that the request was written
}
