/**
 * The host field of a known_hosts line (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): names with the wildcards `*` and `?`, negated
 * ones, or one hashed name. Matching takes time in proportion to name times pattern, whatever the pattern.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { SshError } from '../errors.ts';
import { equalBytes, fromBase64, toBase64, utf8Bytes } from '../wire/bytes.ts';
import { matchesPatternList, matchesWildcard } from './wildcards.ts';

/** What a host field stands for. */
export interface HostPatterns {
  /** Is it one name, hidden behind a hash? */
  readonly isHashed: boolean;
  /** Does the field mean this name, in the form of `hostName`? */
  matches(name: string, provider: CryptoProvider): boolean;
}

/** Port of SSH; only names of other ports are written with the port. */
export const DEFAULT_PORT = 22;

const HASH_MAGIC = '|1|';
const SHA1_LENGTH = 20;
const MAX_HOST_LENGTH = 1024;

/** The name under which known_hosts knows a host: lower case, and `[host]:port` unless the port is 22. */
export function hostName(host: string, port: number): string {
  const name = lowerCase(host);
  return port === DEFAULT_PORT ? name : `[${name}]:${String(port)}`;
}

/** Reads a host field; `undefined` for one that begins like a hashed name and is none. */
export function parseHostPatterns(field: string): HostPatterns | undefined {
  if (field.startsWith('|')) return hashedName(field);
  const patterns = lowerCase(field).split(',');
  return {
    isHashed: false,
    matches: (name) => matchesPatternList(patterns, (pattern) => matchesWildcard(name, pattern)),
  };
}

/** A name in its hashed form, `|1|salt|hash`, under a new salt. */
export function hashHostName(name: string, provider: CryptoProvider): string {
  const salt = provider.randomBytes(SHA1_LENGTH);
  const hash = provider.hmac('sha1', salt)([utf8Bytes(lowerCase(name))]);
  return `${HASH_MAGIC}${toBase64(salt)}|${toBase64(hash)}`;
}

/**
 * Throws a `config` error unless host and port can stand in a host field and mean themselves there: no white space, no control
 * characters, nothing that makes a pattern, a list, a marker or a comment.
 */
export function checkHostName(host: string, port: number): void {
  if (host === '' || host.length > MAX_HOST_LENGTH || !/^[^\p{C}\p{Z}\s,*?!|@#[\]]+$/u.test(host))
    throw new SshError('config', 'host name that cannot stand in known_hosts', { option: 'host' });
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new SshError('config', `port ${String(port)} out of range`, { option: 'port' });
}

function hashedName(field: string): HostPatterns | undefined {
  if (!field.startsWith(HASH_MAGIC)) return undefined;
  const [salt, hash, ...more] = field
    .slice(HASH_MAGIC.length)
    .split('|', 3)
    .map((base64) => fromBase64(base64));
  if (salt?.length !== SHA1_LENGTH || hash?.length !== SHA1_LENGTH || more.length > 0)
    return undefined;
  return {
    isHashed: true,
    matches: (name, provider) => equalBytes(provider.hmac('sha1', salt)([utf8Bytes(name)]), hash),
  };
}

/** Only A-Z, as host names and OpenSSH know it: `toLowerCase` would make one name of two that differ. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
