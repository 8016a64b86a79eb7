/** From bytes to a logged-in client, over any duplex. */
import {
  catchError,
  defer,
  EMPTY,
  ignoreElements,
  map,
  merge,
  Observable,
  type ObservableInput,
  of,
  ReplaySubject,
  type SchedulerLike,
  tap,
} from 'rxjs';
import { defaultProvider } from '#crypto';
import { authenticateClient } from '../auth/client.ts';
import { MAX_BANNERS } from '../auth/client-state.ts';
import type { ClientAuthOptions } from '../auth/client-options.ts';
import type { ConnectionOptions } from '../channels/connection.ts';
import type { KeepaliveOptions } from '../channels/keepalive.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { toError } from '../errors.ts';
import { fingerprint } from '../keys/fingerprint.ts';
import { DEFAULT_PORT } from '../keys/host-patterns.ts';
import { nest } from '../operators/nest.ts';
import { steadyScheduler } from '../operators/steady-scheduler.ts';
import type { LocalFiles } from '../sftp/transfer/local-files.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { openTransport, type SshTransport } from '../streams/transport.ts';
import type { TransportOptions } from '../streams/transport-options.ts';
import type { Tracer } from '../streams/trace.ts';
import { type AlgorithmOptions, proposalOf } from '../transport/proposal.ts';
import { DEFAULT_REKEY_LIMITS, type RekeyLimits } from '../transport/rekey-policy.ts';
import { abortable } from '../operators/abortable.ts';
import { checkClientOptions } from './check-options.ts';
import { SshClient } from './client.ts';
import { type HostKeysUpdatePolicy, learnHostKeys } from './host-key-updates.ts';
import { dialVia } from './via.ts';
import {
  type HostKeyPolicy,
  type HostVerification,
  hostVerification,
  type KnownHostsStore,
  noKnownHosts,
  nothingCame,
} from './host-verification.ts';

/** How to reach a server and log in, apart from where the bytes come from. */
export interface ClientOptions extends Omit<ClientAuthOptions, 'user' | 'service' | 'timeout'> {
  /** Name of the host: what known_hosts is asked for. */
  readonly host: string;
  /** 22 by default. */
  readonly port?: number;
  /** The user to log in as. */
  readonly user: string;
  /** Which host keys are trusted: those that known_hosts has, by default. */
  readonly hostKeys?: HostKeyPolicy;
  /** Where known hosts are; none by default. */
  readonly knownHosts?: KnownHostsStore;
  /**
   * Whether further keys that a known host has proven to hold are added to known_hosts (OpenSSH PROTOCOL 2.5); never, by default.
   * What hinders it hinders nothing else: the trace tells.
   */
  readonly updateHostKeys?: HostKeysUpdatePolicy;
  /** Names of algorithms in place of the default ones, by category, best first. */
  readonly algorithms?: AlgorithmOptions;
  /** When new keys are asked for: after 1 GiB, 2³¹ packets or an hour, by default. */
  readonly rekey?: Partial<RekeyLimits>;
  /** When the server is asked whether it is there: every 30 s, given up after three misses, by default. */
  readonly keepalive?: Partial<KeepaliveOptions>;
  /** Milliseconds for the identification and the first key exchange; 20 000 by default. */
  readonly handshakeTimeout?: number;
  /** Milliseconds for a later key exchange; 60 000 by default. */
  readonly rekeyTimeout?: number;
  /** Milliseconds for each answer of the server in the login; 30 000 by default. */
  readonly loginTimeout?: number;
  /** Channels and requests that the server may ask for, and limits of ours. */
  readonly connection?: ConnectionOptions;
  /** Where the cryptography comes from: `node:crypto` in Node and `@noble` elsewhere, by default. */
  readonly provider?: CryptoProvider;
  /** What `get` and `put` of SFTP find by their local paths; the disks of this machine on Node. */
  readonly localFiles?: LocalFiles;
  /** Where time comes from; a clock that nobody sets, by default. */
  readonly scheduler?: SchedulerLike;
  /** Receives what happens on the wire, from the first byte; secrets are never part of it. What it throws ends the connection. */
  readonly trace?: Tracer;
  /** Ends everything with `aborted`. */
  readonly signal?: AbortSignal;
  /** Software version in our identification. */
  readonly software?: string;
}

/** How a host is reached through another one. */
export interface ViaOptions {
  /**
   * A host to connect through: the first client of this stream dials `host` and `port`, as it knows them, and stays connected meanwhile.
   * That client may be connected through another one, and so on; each has verified the key of its own host.
   */
  readonly via: Observable<SshClient>;
  /** Milliseconds for it to dial, once it is there; 20 000 by default, 0 is no limit. */
  readonly connectTimeout?: number;
}

/** How to log in, and what to connect over: a duplex that is there or that subscribing opens, or a client of another host. */
export type ConnectOptions = ClientOptions &
  ({ readonly duplex: ByteDuplex | Observable<ByteDuplex> } | ViaOptions);

/** Milliseconds to a connection over which to log in. */
export const DEFAULT_CONNECT_TIMEOUT = 20_000;
const DEFAULT_HANDSHAKE_TIMEOUT = 20_000;
const DEFAULT_REKEY_TIMEOUT = 60_000;

/**
 * Connects and logs in over a duplex, or through another host. Cold: each subscription is a connection. Emits one client and stays open; unsubscribing
 * disconnects. Errors with `protocol`, `disconnect`, `key-exchange`, `host-key`, `auth`, `connection-lost`, `timeout`
 * (handshake, authentication, keepalive, …), `config` or `aborted`, and with what the duplex's own Observable errors with.
 *
 * @example
 * ```ts
 * connect({ duplex: webDuplex(stream), host: 'db1', user: 'deploy', password })
 *   .pipe(exec('uname -a'), text())
 *   .subscribe((line) => console.log(line));
 * ```
 */
export function connect(options: ConnectOptions): Observable<SshClient> {
  const { signal, scheduler = steadyScheduler } = options;
  const client$ = defer(() => {
    checkClientOptions(options);
    const began = scheduler.now();
    return duplexOf(options).pipe(
      nest(
        (opened) => connectOver(opened, options, scheduler.now() - began),
        () => nothingCame('duplex'),
      ),
    );
  });
  return signal === undefined ? client$ : abortableClient(client$, signal);
}

function duplexOf(options: ConnectOptions): Observable<ByteDuplex> {
  if ('via' in options) {
    const { via, host, port = DEFAULT_PORT, connectTimeout = DEFAULT_CONNECT_TIMEOUT } = options;
    return dialVia(via, { host, port }, connectTimeout, options.scheduler);
  }
  const { duplex } = options;
  return duplex instanceof Observable ? duplex : of(duplex);
}

/** Whoever uses the client is told that it was aborted, and not that it was let go. */
function abortableClient(
  client$: Observable<SshClient>,
  signal: AbortSignal,
): Observable<SshClient> {
  return defer(() => {
    let client: SshClient | undefined;
    const known$ = client$.pipe(tap((emitted) => (client = emitted)));
    return abortable(known$, signal, (error) => client?.connection.transport.fail(error));
  });
}

/**
 * Connects for callers of promises: resolves with the client, which stays connected until it disconnects or is disposed of
 * (`await using`). Rejects with what {@link connect} errors with.
 *
 * @example
 * ```ts
 * await using db1 = await open({ duplex, host: 'db1', user: 'deploy' });
 * const { stdout } = await db1.run('uname -a');
 * ```
 */
export function open(options: ConnectOptions): Promise<SshClient> {
  return opened(connect(options));
}

/** Subscribes for as long as the client lives; later errors reach whoever uses it through its own streams. */
export function opened(client$: Observable<SshClient>): Promise<SshClient> {
  return new Promise((resolve, reject) => {
    // eslint-disable-next-line rxjs-x/no-ignored-subscription -- it ends with the connection, as the client's owner wishes
    client$.subscribe({ next: resolve, error: reject });
  });
}

/** @param dial - milliseconds that it took to get the duplex */
function connectOver(
  duplex: ByteDuplex,
  options: ClientOptions,
  dial: number,
): Observable<SshClient> {
  const banner$ = new ReplaySubject<string>(MAX_BANNERS);
  return hostVerification(options).pipe(
    nest((verification) =>
      openTransport(duplex, transportOptions(options, verification)).pipe(
        nest((transport) => {
          const client$ = logIn(transport, options, banner$, dial);
          // a connection that learns no keys keeps nothing for it
          if ((options.updateHostKeys ?? false) === false) return client$;
          return client$.pipe(
            nest((client) => merge(of(client), hostKeysUpdate(client, options, verification))),
          );
        }),
      ),
    ),
  );
}

/** Runs beside whatever the client is used for. */
function hostKeysUpdate(
  client: SshClient,
  options: ClientOptions,
  verification: HostVerification,
): Observable<never> {
  const { host, port = DEFAULT_PORT, knownHosts = noKnownHosts } = options;
  const { updateHostKeys = false } = options;
  const { hostKey } = client.handshake;
  if (hostKey === undefined || !verification.isKnown) return EMPTY;
  const { transport } = client.connection;
  const tell = (outcome: string): void => transport.trace?.({ type: 'host-keys', outcome });
  return learnHostKeys(client, { host, port }, hostKey, knownHosts, updateHostKeys).pipe(
    tap((keys) => tell(`added ${keys.map((key) => fingerprint(key)).join(' ')}`)),
    ignoreElements(),
    catchError((error: unknown) => {
      tell(`not added: ${toError(error).message}`);
      return EMPTY;
    }),
  );
}

function logIn(
  transport: SshTransport,
  options: ClientOptions,
  banner$: ReplaySubject<string>,
  dial: number,
): Observable<SshClient> {
  const began = transport.scheduler.now();
  const { loginTimeout, host, keepalive, connection = {} } = options;
  const login$ = authenticateClient(transport, {
    ...options,
    banner: (text) => {
      banner$.next(text);
      options.banner?.(text);
    },
    ...(loginTimeout === undefined ? {} : { timeout: loginTimeout }),
  });
  return login$.pipe(
    map((login) => {
      banner$.complete();
      const parts = {
        transport,
        login,
        host,
        connection,
        timings: {
          dial,
          ...transport.handshake.timings,
          login: transport.scheduler.now() - began,
        },
        banner$: banner$.asObservable(),
        localFiles: options.localFiles,
      };
      return new SshClient(keepalive === undefined ? parts : { ...parts, keepalive });
    }),
  );
}

function transportOptions(
  options: ClientOptions,
  verification: HostVerification,
): TransportOptions {
  const { software, scheduler, trace, provider = defaultProvider } = options;
  const { bestCipher } = provider;
  const proposal = proposalOf({
    ...(bestCipher === undefined ? {} : { cipher: `^${bestCipher}` }),
    ...options.algorithms,
  });
  return {
    role: 'client',
    provider,
    proposal: { ...proposal, hostKey: verification.orderAlgorithms(proposal.hostKey) },
    rekey: { ...DEFAULT_REKEY_LIMITS, ...options.rekey },
    handshakeTimeout: options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT,
    rekeyTimeout: options.rekeyTimeout ?? DEFAULT_REKEY_TIMEOUT,
    verifyHostKey: (claim): ObservableInput<unknown> => verification.verify(claim),
    ...(software === undefined ? {} : { software }),
    ...(scheduler === undefined ? {} : { scheduler }),
    ...(trace === undefined ? {} : { trace }),
  };
}
