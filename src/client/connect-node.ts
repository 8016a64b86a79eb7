/** `connect` on Node: TCP, and what a person expects of an SSH client without being told. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { defer, type Observable } from 'rxjs';
import { agentIdentities } from '../auth/agent.ts';
import { agentSocket } from '../auth/agent-node.ts';
import type { IdentitySource } from '../auth/client-options.ts';
import {
  checkOptions,
  needed,
  type OptionKinds,
  TEXT,
  TEXT_OR_FUNCTION,
  TEXTS,
} from '../auth/option-kinds.ts';
import { DEFAULT_PORT } from '../keys/host-patterns.ts';
import type { ByteDuplex } from '../streams/byte-duplex.ts';
import { localFiles } from '../sftp/transfer/local-files-node.ts';
import { connectTcp } from '../streams/tcp-node.ts';
import type { SshClient } from './client.ts';
import {
  type ClientOptions,
  connect as connectOverDuplex,
  DEFAULT_CONNECT_TIMEOUT,
  opened,
  type ViaOptions,
} from './connect.ts';
import { identityFile, type PassphraseSource } from './identity-files-node.ts';
import { orderIdentities } from './identity-order.ts';
import { knownHostsFiles } from './known-hosts-node.ts';
import { checkHost, checkPort, checkUser, parseTarget } from './target.ts';

/** How to reach a server and log in. Only `host` has to be there. */
export interface ConnectOptions extends Omit<ClientOptions, 'host' | 'user'> {
  readonly host: string;
  /** The name of whoever runs the program, by default. */
  readonly user?: string;
  /** What to connect over; a TCP connection to `host` and `port` by default. */
  readonly duplex?: ByteDuplex | Observable<ByteDuplex>;
  /** A host to connect through; see `ViaOptions`. */
  readonly via?: ViaOptions['via'];
  /** Milliseconds for all addresses of the host together; 20 000 by default, 0 is no limit. */
  readonly connectTimeout?: number;
  /** Socket of the agent; SSH_AUTH_SOCK by default, `false` for none. */
  readonly agent?: string | false;
  /** Of the agent's keys, only those whose files are among `identityFiles`, or are the usual ones. */
  readonly identitiesOnly?: boolean;
  /** Private key files, tried in this order, before the agent; `~/.ssh/id_ed25519`, `id_ecdsa` and `id_rsa` by default, behind it. */
  readonly identityFiles?: readonly string[];
  /** For key files that are encrypted: a passphrase, or whom to ask for one. */
  readonly passphrase?: string | PassphraseSource;
  /** known_hosts files; the first one is written. `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts` by default. */
  readonly knownHostsFiles?: readonly string[];
}

const OPTION_KINDS: OptionKinds<ConnectOptions> = {
  host: needed(TEXT),
  user: TEXT,
  agent: { name: 'a path or false', fits: (value) => value === false || TEXT.fits(value) },
  identityFiles: TEXTS,
  passphrase: TEXT_OR_FUNCTION,
  knownHostsFiles: TEXTS,
};

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * Connects to a host and logs in. Cold: each subscription is a connection. Emits one client and stays open; unsubscribing
 * disconnects. known_hosts is checked; the agent and the keys in `~/.ssh` are tried; nothing prompts unless asked to.
 *
 * Errors with `connect` (each address and what it said), `timeout` (connect, handshake, authentication, keepalive, …), `host-key`, `auth`
 * (every attempt), `key-exchange`, `protocol`, `disconnect`, `connection-lost`, `config` or `aborted`.
 *
 * @param target - `[user@]host[:port]`, `ssh://…`, or options
 * @param options - what the target does not say
 *
 * @example
 * ```ts
 * connect('deploy@db1').pipe(exec('uptime'), text()).subscribe((line) => console.log(line));
 * connect('db1.internal', { via: connect('bastion') }).pipe(exec('uptime'), text());
 * ```
 */
export function connect(
  target: string | ConnectOptions,
  options: Partial<ConnectOptions> = {},
): Observable<SshClient> {
  return defer(() => {
    const merged =
      typeof target === 'string'
        ? { ...options, ...parseTarget(target) }
        : { ...target, ...options };
    const settings = withDefaults(merged);
    const { connectTimeout = DEFAULT_CONNECT_TIMEOUT, duplex, via } = merged;
    if (duplex === undefined && via !== undefined)
      return connectOverDuplex({ ...settings, via, connectTimeout });
    return connectOverDuplex({ ...settings, duplex: duplex ?? dial(settings, connectTimeout) });
  });
}

/**
 * Connects for callers of promises: resolves with the client, which stays connected until it disconnects or is disposed of
 * (`await using`). Rejects with what {@link connect} errors with.
 *
 * @example
 * ```ts
 * await using db1 = await open('deploy@db1');
 * const { stdout, exit } = await db1.run('uname -a');
 * ```
 */
export function open(
  target: string | ConnectOptions,
  options: Partial<ConnectOptions> = {},
): Promise<SshClient> {
  return opened(connect(target, options));
}

function dial(
  { host, port, scheduler }: ClientOptions & { readonly port: number },
  timeout: number,
): Observable<ByteDuplex> {
  return connectTcp({ host, port, timeout, ...(scheduler === undefined ? {} : { scheduler }) });
}

function withDefaults(options: ConnectOptions): ClientOptions & { port: number } {
  const { host, port = DEFAULT_PORT, user = userInfo().username } = options;
  checkOptions(options, OPTION_KINDS);
  checkHost(host);
  checkPort(port, `${host}:${String(port)}`);
  checkUser(user);
  const ssh = join(homedir(), '.ssh');
  const files = options.knownHostsFiles ?? [join(ssh, 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
  return {
    ...options,
    host,
    port,
    user,
    knownHosts: options.knownHosts ?? knownHostsFiles(files),
    identities: options.identities ?? identitySources(options, ssh),
    methods: options.methods ?? methodsFor(options),
    localFiles: options.localFiles ?? localFiles,
  };
}

/** Whoever names a key or a password means it to be tried: what else the server offers is asked when that was refused. */
function methodsFor({ identities, identityFiles, password }: ConnectOptions): readonly string[] {
  const hasKey =
    identities !== undefined || (identityFiles !== undefined && identityFiles.length > 0);
  if (hasKey) return ['publickey', 'password', 'keyboard-interactive', 'hostbased', 'none'];
  // a password that is known goes before questions to a person
  const isKnown = typeof password === 'string';
  const typed = isKnown
    ? ['password', 'keyboard-interactive']
    : ['keyboard-interactive', 'password'];
  return isKnown && identityFiles?.length === 0
    ? [...typed, 'hostbased', 'none']
    : ['none', 'hostbased', 'publickey', ...typed];
}

/** The caller's own files first: a server closes after a few failures, and an agent may hold many keys. */
function identitySources(options: ConnectOptions, ssh: string): readonly IdentitySource[] {
  const { identityFiles = [], agent, identitiesOnly = false, passphrase } = options;
  const unlock = passphrase === undefined ? {} : { passphrase };
  const socket = agent ?? process.env['SSH_AUTH_SOCK'];
  const hasAgent = socket !== false && socket !== undefined && socket !== '';
  const held = hasAgent ? { agent: () => agentIdentities(agentSocket(socket)) } : {};
  const explicit = identityFiles.map((file) => identityFile(file, { ...unlock, ...held }));
  const usual =
    options.identityFiles === undefined
      ? DEFAULT_KEYS.map((name) => identityFile(join(ssh, name), { ...unlock, optional: true }))
      : [];
  return orderIdentities({
    named: explicit,
    usual,
    identitiesOnly,
    ...held,
  });
}
