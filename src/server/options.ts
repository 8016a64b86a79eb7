/** What a server is told, and what it makes of it. */
import { defaultProvider } from '#crypto';
import type { AuthPolicy } from '../auth/policy.ts';
import { checkServerAuth, type ServerAuthOptions } from '../auth/server-options.ts';
import type { ChannelOpenAnswer, ChannelOpenRequest } from '../channels/connection.ts';
import type { GlobalRequest } from '../channels/global-requests.ts';
import type { KeepaliveOptions } from '../channels/keepalive.ts';
import type { Verdict } from '../operators/take-verdict.ts';
import type { CryptoProvider, ModpGroup } from '../crypto/provider.ts';
import { defaultNames } from '../crypto/standing.ts';
import { SshError } from '../errors.ts';
import { SIGNATURE_ALGORITHMS } from '../keys/signature-algorithms.ts';
import type { Signer } from '../keys/signer.ts';
import type { TransportOptions } from '../streams/transport-options.ts';
import type { TraceEvent } from '../streams/trace.ts';
import { DEFAULT_GROUP_EXCHANGE } from '../transport/group-exchange.ts';
import type { Proposal } from '../transport/negotiation.ts';
import { type AlgorithmOptions, proposalOf } from '../transport/proposal.ts';
import { DEFAULT_REKEY_LIMITS, type RekeyLimits } from '../transport/rekey-policy.ts';
import { utf8Bytes } from '../wire/bytes.ts';
import type { ObservableInput, SchedulerLike } from 'rxjs';
import { checkServeOptions } from './check-options.ts';
import type { ServerConnection } from './connection.ts';
import type { ForwardHandlers } from './forwarding.ts';
import type { SessionHandlers } from './session.ts';

/** How a server serves its connections. What has no handler is refused. */
export interface ServeOptions extends SessionHandlers {
  /** At least one; a client chooses among the algorithms that they sign with. */
  readonly hostKeys: readonly Signer[];
  /** Decides about every try to log in. */
  readonly authenticate: AuthPolicy;
  /** Methods, limits, banner, time to log in. `loginGraceTime` counts from the beginning of the connection. */
  readonly authentication?: Omit<ServerAuthOptions, 'authenticate' | 'attempted'>;
  /** Names in place of the default ones, by category, best first. */
  readonly algorithms?: AlgorithmOptions;
  /** Groups for group exchange (RFC 4419) besides those of RFC 3526, as `parseModuli` reads them. */
  readonly moduli?: readonly ModpGroup[];
  /** Longest prime in bits that a client is given in a group exchange; 4096 unless said otherwise. */
  readonly maxModulusBits?: number;
  /** When new keys are asked for; after 1 GiB, 2³¹ packets or an hour unless said otherwise. */
  readonly rekey?: Partial<RekeyLimits>;
  /** Milliseconds for identification and first key exchange; 20 000 unless said otherwise, 0 is no limit. */
  readonly handshakeTimeout?: number;
  /** Milliseconds for a later key exchange; 60 000 unless said otherwise, 0 is no limit. */
  readonly rekeyTimeout?: number;
  /** Every 30 s, given up after three misses, unless said otherwise. */
  readonly keepalive?: Partial<KeepaliveOptions>;
  /**
   * Milliseconds after which a logged-in connection is ended on which nothing has happened: no channel data, either way, and no
   * request. Keepalives are none. 0, no limit, unless said otherwise.
   */
  readonly idleTimeout?: number;
  /** Milliseconds that a logged-in connection may be without a channel; 0, no limit, unless said otherwise. */
  readonly unusedTimeout?: number;
  /** Milliseconds without data or requests after which a channel is closed, by its type (`session`, `direct-tcpip`, …). */
  readonly channelTimeouts?: Readonly<Record<string, number>>;
  /** Session channels at a time that a connection may have; 10 unless said otherwise. */
  readonly maxSessions?: number;
  /** Channels of any type at a time that a client may open; 256 unless said otherwise. */
  readonly maxChannels?: number;
  /**
   * When it emits, the connection comes to its end in good order: no new channels, DISCONNECT when the last one is over, or at once
   * before a login and where there is none.
   */
  readonly drain?: ObservableInput<unknown>;
  /** Milliseconds from `drain` to the DISCONNECT of what is still there; 30 000 unless said otherwise, 0 is no limit. */
  readonly drainTimeout?: number;
  /** What clients may have forwarded; nothing unless said otherwise. */
  readonly forward?: ForwardHandlers;
  /** Decides over channels of further types, by type (RFC 4254 §5.1). One of ours that is named here is not ours any more. */
  readonly channels?: Readonly<Record<string, ServerChannelHandler>>;
  /** Answers global requests, by name (RFC 4254 §4). One of ours that is named here is not ours any more. */
  readonly globalRequests?: Readonly<Record<string, ServerGlobalRequestHandler>>;
  /** Software version in our identification line (RFC 4253 §4.2). */
  readonly software?: string;
  /** Where the cryptography comes from. */
  readonly provider?: CryptoProvider;
  /** Where time comes from. */
  readonly scheduler?: SchedulerLike;
  /** Receives what happens on the wire of each connection, from its first byte; secrets left out. What it throws ends the connection. */
  readonly trace?: (event: TraceEvent, connection: ServerConnection) => void;
}

/**
 * Decides over a channel that a client asks for; see `ConnectionOptions.channels`. What throws, or refuses to read the payload, refuses.
 *
 * @example
 * ```ts
 * const room = struct('chat', { name: fields.utf8 });
 * channels: {
 *   'chat@example.org': ({ payload }) => {
 *     const { name } = room.decode(payload);
 *     return { accept: true, opened: (channel) => join(name, channel.stdout$, channel.stdin) };
 *   },
 * }
 * ```
 */
export type ServerChannelHandler = (
  request: ChannelOpenRequest,
  connection: ServerConnection,
) => Verdict<ChannelOpenAnswer>;

/** Answers a client's global request; see `ConnectionOptions.globalRequests`, and `struct` for payloads and replies with types. */
export type ServerGlobalRequestHandler = (
  request: GlobalRequest,
  connection: ServerConnection,
) => Verdict<boolean | Uint8Array>;

const DEFAULT_HANDSHAKE_TIMEOUT = 20_000;
const DEFAULT_REKEY_TIMEOUT = 60_000;

/** Milliseconds from the beginning of a connection to the login. */
export const DEFAULT_LOGIN_GRACE_TIME = 60_000;

/**
 * The transport that the options ask for.
 *
 * @throws SshError `config` for an option that cannot be met: no host key, an algorithm or a method that there is none of, a limit
 *   that is no number
 */
export function transportOptions(options: ServeOptions): TransportOptions {
  const { handshakeTimeout = DEFAULT_HANDSHAKE_TIMEOUT, software, scheduler } = options;
  const loginGraceTime = options.authentication?.loginGraceTime ?? DEFAULT_LOGIN_GRACE_TIME;
  checkServeOptions(options);
  checkServerAuth(options.authentication ?? {});
  return {
    role: 'server',
    provider: options.provider ?? defaultProvider,
    proposal: proposalFor(options),
    rekey: { ...DEFAULT_REKEY_LIMITS, ...options.rekey },
    handshakeTimeout: shorter(handshakeTimeout, loginGraceTime),
    rekeyTimeout: options.rekeyTimeout ?? DEFAULT_REKEY_TIMEOUT,
    hostKeys: options.hostKeys,
    groupExchange: {
      moduli: options.moduli ?? DEFAULT_GROUP_EXCHANGE.moduli,
      maxModulusBits: options.maxModulusBits ?? DEFAULT_GROUP_EXCHANGE.maxModulusBits,
    },
    extensions: [
      { name: 'server-sig-algs', value: utf8Bytes(userAlgorithms(options).join(',')) },
      { name: 'ping@openssh.com', value: utf8Bytes('0') },
    ],
    ...(software === undefined ? {} : { software }),
    ...(scheduler === undefined ? {} : { scheduler }),
  };
}

/** The shorter of two times of which 0 is no limit. */
function shorter(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b);
}

function userAlgorithms({ authentication }: ServeOptions): readonly string[] {
  return authentication?.algorithms ?? defaultNames(SIGNATURE_ALGORITHMS);
}

/** Of the signature algorithms only those that a host key signs with. */
function proposalFor({ hostKeys, algorithms }: ServeOptions): Proposal {
  checkHostKeys(hostKeys);
  const asked = proposalOf(algorithms);
  const hostKey = asked.hostKey.filter((name) =>
    hostKeys.some((key) => key.algorithms.includes(name)),
  );
  if (hostKey.length === 0) throw badHostKeys(`no host key for ${asked.hostKey.join(', ')}`);
  return { ...asked, hostKey };
}

/** Whoever has forgotten to wait for `parsePrivateKey`, or gives the text of a file, is told so in words. */
function checkHostKeys(hostKeys: unknown): void {
  const isSigner = (key: unknown): boolean =>
    typeof key === 'object' && key !== null && 'sign' in key && 'algorithms' in key;
  if (!Array.isArray(hostKeys) || hostKeys.length === 0)
    throw badHostKeys('a server needs a host key');
  if (!hostKeys.every(isSigner))
    throw badHostKeys('a host key that cannot sign: parsePrivateKey reads one');
}

function badHostKeys(text: string): SshError<'config'> {
  return new SshError('config', text, { option: 'hostKeys' });
}

/** Handlers that are called with the connection as well. */
export function bound<R, A>(
  handlers: Readonly<Record<string, (request: R, connection: ServerConnection) => A>>,
  connection: ServerConnection,
): Readonly<Record<string, (request: R) => A>> {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (request: R): A => handler(request, connection),
    ]),
  );
}
