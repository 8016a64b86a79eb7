/** Where a client may come from: addresses, networks (CIDR), wildcards and negated ones, as in `from=` and AllowUsers of sshd(8). */
import { equalBytes } from '../wire/bytes.ts';
import { networkOf, parseIpAddress } from '../wire/ip-address.ts';
import { matchesPatternList, matchesWildcard } from './wildcards.ts';

/** Bits in front of an IPv4 address that is mapped into IPv6. */
const MAPPED_BITS = 96;

/**
 * Does an address match one of the patterns, and none with a `!` in front? Names are not looked up: a pattern that is a name matches
 * nothing. An IPv4 address that is mapped into IPv6 is what it stands for.
 *
 * @param address - as text; `undefined`, one that is not known, matches nothing
 * @example `matchesAddress('192.0.2.7', ['192.0.2.0/24', '!192.0.2.9', '2001:db8::*'])`
 */
export function matchesAddress(address: string | undefined, patterns: readonly string[]): boolean {
  const bytes = address === undefined ? undefined : parseIpAddress(address);
  if (address === undefined || bytes === undefined) return false;
  const text = bytes.length === 4 ? bytes.join('.') : address.toLowerCase();
  return matchesPatternList(patterns, (pattern) => {
    const network = readNetwork(pattern);
    if (network === undefined) return matchesWildcard(text, pattern.toLowerCase());
    return (
      bytes.length === network.address.length &&
      equalBytes(networkOf(bytes, network.prefixLength), network.address)
    );
  });
}

/**
 * Can it stand for addresses, or at least do no harm? A network must not have bits behind its prefix, as sshd wants it; a negated
 * name would keep nobody out.
 */
export function isAddressPattern(pattern: string): boolean {
  const plain = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  if (plain === '' || /[\s!,]/.test(plain)) return false;
  if (plain.includes('/')) return readNetwork(plain) !== undefined;
  return plain === pattern || /^[0-9a-f.:*?]+$/i.test(plain);
}

function readNetwork(
  text: string,
): { readonly address: Uint8Array; readonly prefixLength: number } | undefined {
  const [host = '', length, ...more] = text.split('/');
  const address = parseIpAddress(host);
  if (address === undefined || more.length > 0) return undefined;
  const most = address.length * 8;
  if (length === undefined) return { address, prefixLength: most };
  const mapped = address.length === 4 && host.includes(':') ? MAPPED_BITS : 0;
  const prefixLength = /^\d{1,3}$/.test(length) ? Number(length) - mapped : -1;
  if (prefixLength < 0 || prefixLength > most) return undefined;
  return equalBytes(networkOf(address, prefixLength), address)
    ? { address, prefixLength }
    : undefined;
}
