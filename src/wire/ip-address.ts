/** IP addresses as bytes. */
import { concatBytes } from './bytes.ts';

const NOTHING = new Uint8Array(0);
/** RFC 4291 §2.5.5.2: `::ffff:` in front of an IPv4 address. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * Reads an address as RFC 4291 §2.2 writes it: 4 bytes for IPv4, 16 for IPv6. An IPv4 address that is mapped into IPv6 is what it
 * stands for, and a zone (`%eth0`) is left out. `undefined` for what is no address; a short form such as `127.1` is none.
 *
 * @example `parseIpAddress('::ffff:192.0.2.1')` is the same as `parseIpAddress('192.0.2.1')`
 */
export function parseIpAddress(text: string): Uint8Array | undefined {
  const address = parseIpv4(text) ?? parseIpv6(text);
  const isMapped = address?.length === 16 && MAPPED.every((byte, at) => address[at] === byte);
  return isMapped ? address.subarray(MAPPED.length) : address;
}

/** The first bits of an address, and zeros behind them: the network that it is in (RFC 4632 §3.1). */
export function networkOf(address: Uint8Array, prefixLength: number): Uint8Array {
  return address.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, prefixLength - at * 8));
    return byte & ~(0xff >> bits);
  });
}

function parseIpv4(text: string): Uint8Array | undefined {
  // a leading zero means octal to some
  if (!/^(?:(?:0|[1-9]\d{0,2})(?:\.|$)){4}$/.test(text) || text.endsWith('.')) return undefined;
  const bytes = text.split('.').map(Number);
  return bytes.every((byte) => byte <= 0xff) ? Uint8Array.from(bytes) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const [plain = ''] = text.split('%', 1);
  const [head, tail, ...rest] = plain.split('::').map(parseGroups);
  if (head === undefined || rest.length > 0) return undefined;
  if (!plain.includes('::')) return head.length === 16 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  // only the very last group may be an IPv4 address
  if (plain.slice(0, plain.indexOf('::')).includes('.')) return undefined;
  return concatBytes([head, new Uint8Array(16 - head.length - tail.length), tail]);
}

/** Groups of 16 bits; the last may be an IPv4 address. */
function parseGroups(text: string): Uint8Array | undefined {
  if (text === '') return NOTHING;
  const groups = text.split(':');
  const parts = groups.map((group, at) => {
    if (at === groups.length - 1 && group.includes('.')) return parseIpv4(group);
    if (!/^[0-9A-Fa-f]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    return Uint8Array.of(value >> 8, value & 0xff);
  });
  return parts.every((part) => part !== undefined) ? concatBytes(parts) : undefined;
}
