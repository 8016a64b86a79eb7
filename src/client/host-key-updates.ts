/** The host keys that a server tells of after the login (OpenSSH PROTOCOL 2.5): read, proven, and learnt. */
import {
  concatMap,
  defer,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  type Observable,
  type ObservableInput,
  type Observer,
  of,
  concat,
  switchMap,
  take,
} from 'rxjs';
import type { GlobalRequestHandler, GlobalRequests } from '../channels/global-requests.ts';
import { isSshError, SshError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { formatKnownHostsLine, type KnownHosts } from '../keys/known-hosts.ts';
import {
  equalPublicKeys,
  hasMinimumRsaBits,
  parsePublicKey,
  type PublicKey,
} from '../keys/public-key.ts';
import { SIGNATURE_ALGORITHMS, verifySignature } from '../keys/signature-algorithms.ts';
import {
  HOST_KEYS_PROVE,
  hostKeyList,
  hostKeyProofData,
  hostKeyProofs,
} from '../messages/host-keys.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { HostKeyClaim } from '../streams/key-exchange-context.ts';
import type { SshTransport } from '../streams/transport.ts';
import type { Handshake } from '../streams/transport-options.ts';
import { equalBytes } from '../wire/bytes.ts';
import type { SshClient } from './client.ts';
import type { KnownHostsStore } from './host-verification.ts';

/** Keys of a host that known_hosts does not have yet. The server has proven that it holds them. */
export interface HostKeysUpdate {
  readonly host: string;
  readonly port: number;
  /** Not empty. */
  readonly keys: readonly PublicKey[];
}

/**
 * Whether the further keys of a host are added to known_hosts (OpenSSH: `UpdateHostKeys`): `false` never, `true` always, a
 * function each time that it emits `true` first.
 */
export type HostKeysUpdatePolicy = boolean | ((update: HostKeysUpdate) => ObservableInput<boolean>);

/**
 * The keys of a `hostkeys-00@openssh.com`, each once; those of types that are not known are left out. Throws `protocol` for what
 * is no list of keys.
 */
export function announcedHostKeys(payload: Uint8Array): readonly PublicKey[] {
  const keys = hostKeyList.decode(payload).hostKeys.flatMap(({ blob }) => {
    try {
      return [parsePublicKey(blob)];
    } catch (error) {
      if (isSshError(error, 'key-format')) return [];
      throw error;
    }
  });
  return keys.filter((key, at) => keys.findIndex((each) => equalPublicKeys(each, key)) === at);
}

/**
 * Has the server prove that it holds keys. Emits them once all proofs have verified, and completes. Errors with
 * `request-refused`, `protocol` for a reply that is none, `host-key` for a proof that does not verify.
 */
export function proveHostKeys(
  requests: GlobalRequests,
  { sessionId }: Handshake,
  keys: readonly PublicKey[],
): Observable<readonly PublicKey[]> {
  const payload = hostKeyList.encode({ hostKeys: keys.map(({ blob }) => ({ blob })) });
  return requests.request(HOST_KEYS_PROVE, payload).pipe(
    map((reply) => {
      const { proofs } = hostKeyProofs.decode(reply);
      keys.forEach((key, at) => {
        if (proofs.length !== keys.length || !isProof(key, sessionId, proofs[at]?.signature))
          throw notProven(key);
      });
      return keys;
    }),
  );
}

/**
 * Adds the host's further keys to known_hosts. Emits those that were added, all at once, and completes; completes without a
 * value where there is nothing to add. Nothing is removed: what the host has given up may be known to somebody else.
 *
 * Only for a host whose key was known under its own name before it was connected to: what was trusted at first sight, or by a
 * fingerprint, vouches for no other key.
 *
 * @param claim - the key by which the host was known
 */
export function learnHostKeys(
  client: Pick<SshClient, 'hostKeys$' | 'proveHostKeys'>,
  { host, port }: { readonly host: string; readonly port: number },
  claim: HostKeyClaim,
  store: KnownHostsStore,
  policy: HostKeysUpdatePolicy,
): Observable<readonly PublicKey[]> {
  if (policy === false) return EMPTY;
  const name = { host, port };
  const consent = (keys: readonly PublicKey[]): ObservableInput<unknown> =>
    policy === true ? of(true) : policy({ ...name, keys });
  const save = ({ keys, hash }: KeysToLearn): Observable<readonly PublicKey[]> => {
    const lines = keys.map((key) => formatKnownHostsLine(host, port, key, { hash }));
    const added = concat(...lines.map((line) => defer(() => store.add(line))));
    return concat(added.pipe(ignoreElements()), of(keys));
  };
  return client.hostKeys$.pipe(
    take(1),
    switchMap((announced) =>
      from(store.load()).pipe(
        take(1),
        map((known) => keysToLearn(known, name, claim.key, announced)),
      ),
    ),
    filter(({ keys }) => keys.length > 0),
    switchMap((learnt) =>
      client.proveHostKeys(learnt.keys).pipe(
        switchMap((keys) => from(consent(keys)).pipe(take(1))),
        filter((isWanted) => isWanted === true),
        concatMap(() => save(learnt)),
      ),
    ),
  );
}

interface KeysToLearn {
  readonly keys: readonly PublicKey[];
  /** The host's name is hidden. */
  readonly hash: boolean;
}

/** What a host's announcement adds to what is known of it; nothing when it leaves out the key by which it is known. */
function keysToLearn(
  known: KnownHosts,
  name: { readonly host: string; readonly port: number },
  own: PublicKey,
  announced: readonly PublicKey[],
): KeysToLearn {
  const line = known
    .find(name.host, name.port)
    .find(
      ({ marker, blob }) => marker === 'none' && blob !== undefined && equalBytes(blob, own.blob),
    );
  if (line === undefined || !announced.some((key) => equalPublicKeys(key, own)))
    return { keys: [], hash: false };
  const isNew = (key: PublicKey): boolean =>
    ['changed', 'unknown-type'].includes(known.check(name, key).verdict);
  const keys = announced.filter((key) => hasMinimumRsaBits(key) && isNew(key));
  return { keys, hash: line.patterns.isHashed };
}

/** Is it a signature of the key over itself and this session, by any algorithm of its type that is safe? */
function isProof(
  key: PublicKey,
  sessionId: Uint8Array,
  signature: Uint8Array | undefined,
): boolean {
  if (signature === undefined) return false;
  const data = hostKeyProofData.encode({ purpose: HOST_KEYS_PROVE, sessionId, hostKey: key.blob });
  return SIGNATURE_ALGORITHMS.some(
    ({ name, keyType, standing }) =>
      keyType === key.type && standing !== 'legacy' && verifySignature(name, key, data, signature),
  );
}

function notProven(key: PublicKey): SshError<'host-key'> {
  const print = fingerprint(key);
  return new SshError('host-key', `the server has not proven that it holds ${print}`, {
    reason: 'rejected',
    host: '',
    algorithm: key.type,
    fingerprint: print,
  });
}

/** sshd has not set TCP_NODELAY when it sends its host keys: its next packet waits until we write something. */
export function receiveHostKeys(
  transport: SshTransport,
  hostKeys: Observer<Uint8Array>,
): GlobalRequestHandler {
  return ({ payload }) => {
    transport.send({ type: 'IGNORE', data: new Uint8Array(0) });
    outsideDelivery(() => hostKeys.next(payload.slice()));
    return false;
  };
}
