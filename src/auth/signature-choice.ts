/** Which signature algorithms a key is offered with: server-sig-algs (RFC 8308 §3.1) and what to do without it. */
import { defaultNames } from '../crypto/standing.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import { utf8Bytes, utf8Text } from '../wire/bytes.ts';

/** Name of the extension (RFC 8308 §3.1). */
const SERVER_SIG_ALGS = 'server-sig-algs';

/** RFC 8332 §3: every server that verifies RSA with SHA-2 knows this one; Dropbear does not know the one with SHA-512. */
const SAFEST_RSA = 'rsa-sha2-256';

/** Sign with SHA-1: never used unless the caller names them, whatever a signer or a server says. */
const SHA1_ALGORITHMS: ReadonlySet<string> = new Set([
  'ssh-rsa',
  'ssh-dss',
  'ssh-rsa-cert-v01@openssh.com',
  'ssh-dss-cert-v01@openssh.com',
]);

/**
 * The extension with which a server says what user keys may sign with (RFC 8308 §3.1), for `TransportOptions.extensions`.
 *
 * @param algorithms - signature algorithms, most preferred first; those that are on by default unless said otherwise
 */
export function serverSigAlgs(algorithms: readonly string[] = defaultNames(SIGNATURE_ALGORITHMS)): {
  readonly name: string;
  readonly value: Uint8Array;
} {
  return { name: SERVER_SIG_ALGS, value: utf8Bytes(algorithms.join(',')) };
}

/**
 * The algorithms that the server has said to accept; `undefined` when it has said nothing.
 *
 * @param extensions - what came in EXT_INFO
 */
export function acceptedByServer(
  extensions: ReadonlyMap<string, Uint8Array>,
): readonly string[] | undefined {
  const value = extensions.get(SERVER_SIG_ALGS);
  return value === undefined || value.length === 0 ? undefined : utf8Text(value).split(',');
}

/**
 * The algorithms with which a key is tried, one after the other; none when the server takes none of them. A list may name what the
 * server then refuses: OpenSSH 9.2 lists all that it knows, whatever its PubkeyAcceptedAlgorithms leave of them.
 *
 * The list chooses among the algorithms of an RSA key. A key whose one algorithm is its own type is tried whatever the list
 * says: OpenSSH 7.4 lists only RSA's, and npm ssh2 garbles a name, though both take Ed25519 and ECDSA keys.
 *
 * @param keyType - the type in the key's blob
 * @param algorithms - what the signer can do, most preferred first
 * @param accepted - what the server lists, if it does
 * @param named - what the caller has named, most preferred first, in place of all that are safe
 */
export function algorithmsToTry(
  keyType: string,
  algorithms: readonly string[],
  accepted: readonly string[] | undefined,
  named?: readonly string[],
): readonly string[] {
  const usable =
    named?.filter((name) => algorithms.includes(name)) ??
    algorithms.filter((name) => !SHA1_ALGORITHMS.has(name));
  if (accepted === undefined) {
    const safest = usable.filter((name) => name === SAFEST_RSA);
    return [...safest, ...usable.filter((name) => name !== SAFEST_RSA)];
  }
  const listed = usable.filter((name) => accepted.includes(name));
  return listed.length > 0 ? listed : usable.filter((name) => name === keyType);
}
