/** SOCKS 4, 4a and 5 (RFC 1928) as a server speaks them to whom it needs no login: a pure reader, and the replies. */
import { protocolError, type SshError } from '../errors.ts';
import { utf8Text } from '../wire/bytes.ts';
import { isHost, type TcpEndpoint } from './endpoint.ts';

/** What the bytes so far come to. */
export type SocksStep =
  /** Not enough bytes. */
  | { readonly type: 'more' }
  /** Something to say first; `length` bytes were read. */
  | { readonly type: 'reply'; readonly length: number; readonly reply: Uint8Array }
  /** Where to; `length` bytes were read. */
  | {
      readonly type: 'connect';
      readonly length: number;
      readonly version: SocksVersion;
      readonly to: TcpEndpoint;
    }
  /** It cannot be served; `reply` says so, where there are words for it. */
  | { readonly type: 'refuse'; readonly error: SshError; readonly reply: Uint8Array };

/** The versions of the protocol. */
export type SocksVersion = 4 | 5;

/** What came of a connection, for its reply. */
export type SocksOutcome =
  'connected' | 'failed' | 'not-allowed' | 'refused' | 'not-a-connect' | 'not-an-address';

/** RFC 1928 §6. */
const REPLIES_5 = {
  connected: 0,
  failed: 1,
  'not-allowed': 2,
  refused: 5,
  'not-a-connect': 7,
  'not-an-address': 8,
} as const satisfies Record<SocksOutcome, number>;

const CONNECT = 1;
const NO_LOGIN = 0;
const NO_METHOD = 0xff;
/** RFC 1928 §5: what kind of address follows. */
const AddressType = { IPV4: 1, NAME: 3, IPV6: 4 } as const;
/** User names and names of hosts in version 4 end with a zero byte; RFC 1929 and RFC 1928 allow 255 bytes. */
const MAX_TEXT = 255;

const MORE: SocksStep = { type: 'more' };

/** The reply to a request. The address in it is of no use to anybody, and zero as in other servers. */
export function socksReply(version: SocksVersion, outcome: SocksOutcome): Uint8Array {
  if (version === 4) return Uint8Array.of(0, outcome === 'connected' ? 90 : 91, 0, 0, 0, 0, 0, 0);
  return Uint8Array.of(5, REPLIES_5[outcome], 0, AddressType.IPV4, 0, 0, 0, 0, 0, 0);
}

/**
 * Reads the next step of a client.
 *
 * @param bytes - what has come and was not read yet
 * @param isGreeted - the greeting of version 5 was answered
 */
export function readSocks(bytes: Uint8Array, isGreeted: boolean): SocksStep {
  const [version] = bytes;
  if (version === undefined) return MORE;
  if (version === 4 && !isGreeted) return readVersion4(bytes);
  if (version === 5) return isGreeted ? readVersion5(bytes) : readGreeting(bytes);
  return refuse(`version ${String(version)} of SOCKS`, new Uint8Array(0));
}

/** VER NMETHODS METHODS (RFC 1928 §3). */
function readGreeting(bytes: Uint8Array): SocksStep {
  const [, count] = bytes;
  if (count === undefined || bytes.length < 2 + count) return MORE;
  const length = 2 + count;
  if (!bytes.subarray(2, length).includes(NO_LOGIN))
    return refuse('the client wants to log in', Uint8Array.of(5, NO_METHOD));
  return { type: 'reply', length, reply: Uint8Array.of(5, NO_LOGIN) };
}

/** VER CMD RSV ATYP ADDR PORT (RFC 1928 §4). */
function readVersion5(bytes: Uint8Array): SocksStep {
  const [, command, , type, first] = bytes;
  if (type === undefined) return MORE;
  const size = type === AddressType.NAME ? first : addressSize(type);
  if (size === 0 && type === AddressType.NAME)
    return refuse('a name of no length', socksReply(5, 'failed'));
  if (size === 0) return refuse(`address of type ${String(type)}`, socksReply(5, 'not-an-address'));
  if (size === undefined) return MORE;
  const at = type === AddressType.NAME ? 5 : 4;
  const length = at + size + 2;
  if (bytes.length < length) return MORE;
  if (command !== CONNECT) return refuse(commandText(command), socksReply(5, 'not-a-connect'));
  const host = hostOf(type, bytes.subarray(at, at + size));
  return connectTo(5, host, portAt(bytes, at + size), length);
}

/** VN CD DSTPORT DSTIP USERID NUL, and for an address of 0.0.0.x (4a) a name and NUL. */
function readVersion4(bytes: Uint8Array): SocksStep {
  if (bytes.length < 9) return MORE;
  const failed = socksReply(4, 'failed');
  const user = textAt(bytes, 8);
  if (user === 'too-long') return refuse('a user name without an end', failed);
  if (user === 'more') return MORE;
  if (bytes[1] !== CONNECT) return refuse(commandText(bytes[1]), failed);
  const address = bytes.subarray(4, 8);
  const isName = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0;
  if (!isName) return connectTo(4, address.join('.'), portAt(bytes, 2), user.end);
  const name = textAt(bytes, user.end);
  if (name === 'too-long') return refuse('a name without an end', failed);
  if (name === 'more') return MORE;
  return connectTo(4, name.text, portAt(bytes, 2), name.end);
}

function connectTo(version: SocksVersion, host: string, port: number, length: number): SocksStep {
  if (host === '' || !isHost(host) || port === 0)
    return refuse('a name or a port that is none', socksReply(version, 'failed'));
  return { type: 'connect', length, version, to: { host, port } };
}

/** 0 for a type that there is none of. */
function addressSize(type: number): number {
  if (type === AddressType.IPV4) return 4;
  return type === AddressType.IPV6 ? 16 : 0;
}

function hostOf(type: number, bytes: Uint8Array): string {
  if (type === AddressType.NAME) return utf8Text(bytes);
  if (type === AddressType.IPV4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => portAt(bytes, at * 2).toString(16));
  return groups.join(':');
}

function portAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** Text up to a zero byte. */
function textAt(
  bytes: Uint8Array,
  start: number,
): { readonly text: string; readonly end: number } | 'more' | 'too-long' {
  const zero = bytes.indexOf(0, start);
  if ((zero < 0 ? bytes.length : zero) - start > MAX_TEXT) return 'too-long';
  if (zero < 0) return 'more';
  return { text: utf8Text(bytes.subarray(start, zero)), end: zero + 1 };
}

function commandText(command: number | undefined): string {
  return `command ${String(command)}: only CONNECT is served`;
}

function refuse(problem: string, reply: Uint8Array): SocksStep {
  return { type: 'refuse', error: protocolError(`SOCKS: ${problem}`), reply };
}
