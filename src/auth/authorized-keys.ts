/** The keys of an authorized_keys file as a policy. */
import { matchesAddress } from '../keys/address-patterns.ts';
import { type AuthorizedKey, parseAuthorizedKeys } from '../keys/authorized-keys.ts';
import { equalPublicKeys } from '../keys/public-key.ts';
import type { SecurityKeyState } from '../keys/security-keys.ts';
import type { AuthAttemptInfo, AuthDecision } from './policy.ts';

/**
 * Lets in whoever holds one of these keys, with what its options allow (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"); denies every other
 * method. Of several lines with one key, the first counts that has not expired and that may be used from where the client is. Where
 * the address of the client is not known, `from=` lets nobody in.
 *
 * @param keys - entries, or the text of a file, of which lines that give no key are passed over: `parseAuthorizedKeys` tells which
 * @returns what a policy answers
 * @example
 * ```ts
 * const deploy = authorizedKeys('restrict,command="bin/deploy" ssh-ed25519 AAAA… ci');
 * serve(duplex, { hostKeys, authenticate: (attempt) => attempt.user === 'deploy' && deploy(attempt) });
 * ```
 */
export function authorizedKeys(
  keys: string | readonly AuthorizedKey[],
): (attempt: AuthAttemptInfo) => AuthDecision {
  const entries =
    typeof keys === 'string' ? parseAuthorizedKeys(keys, 'authorized_keys').entries : keys;
  return (attempt) => {
    if (attempt.method !== 'publickey') return false;
    const { publicKey, peer } = attempt;
    const entry = entries.find(
      (each) => equalPublicKeys(each.publicKey, publicKey) && isUsable(each, peer?.address),
    );
    if (entry === undefined || !isVerified(entry, attempt.securityKey)) return false;
    const { permissions, noTouchRequired } = entry;
    return { accept: true, permissions, ...(noTouchRequired === true ? { noTouchRequired } : {}) };
  };
}

/** Of a question about a key, and of a key that is in no device, nothing of that kind is known. */
function isVerified(
  { verifyRequired }: AuthorizedKey,
  securityKey: SecurityKeyState | undefined,
): boolean {
  return verifyRequired !== true || (securityKey?.isUserVerified ?? true);
}

function isUsable({ from, expires }: AuthorizedKey, address: string | undefined): boolean {
  const isExpired = expires !== undefined && expires.getTime() <= Date.now();
  return !isExpired && (from === undefined || matchesAddress(address, from));
}
