/** Where connections come from, for limits that hold for each source. */
import { networkOf, parseIpAddress } from '../wire/ip-address.ts';

/** How many bits of an address make a source: an IPv6 host often has a network of 64 to itself. */
export interface SourcePrefix {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** Every address is a source of its own. */
export const DEFAULT_SOURCE_PREFIX: SourcePrefix = { ipv4: 32, ipv6: 128 };

/** A source. */
export interface Source {
  readonly family: keyof SourcePrefix;
  /** The network, the same text for every way to write an address. */
  readonly key: string;
}

/** The source that an address belongs to; `undefined` for what is no IP address. */
export function sourceOf(address: string, prefix: SourcePrefix): Source | undefined {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return undefined;
  const family = bytes.length === 4 ? 'ipv4' : 'ipv6';
  return { family, key: networkOf(bytes, prefix[family]).join('.') };
}
