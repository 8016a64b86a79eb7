/** From options to logged-in clients: everything that a command which connects has in common. */
import { userInfo } from 'node:os';
import { type Observable, tap, throwError, timeout } from 'rxjs';
import {
  connect,
  type ConnectOptions,
  escapeText,
  parseTarget,
  shareClient,
  type SshClient,
  SshError,
  type Target,
  type Tracer,
} from '../node.ts';
import { algorithmOptions } from './algorithm-lists.ts';
import {
  hostKeyPolicy,
  hostKeysUpdatePolicy,
  knownHosts,
  unknownHostAdvice,
} from './host-trust.ts';
import { identitySources, signatureAlgorithms } from './identities.ts';
import { connectionLog } from './connection-log.ts';
import { escapeCharacter } from './escapes.ts';
import { type Answers, answersFor, saidBy } from './login-answers.ts';
import type { CliIo, Messages } from './io.ts';
import { proxyDialler, type ProxyDialler } from './proxy-command.ts';
import { environment, wantsTerminal } from './session-settings.ts';
import type { Settings } from './settings.ts';
import { notYet, UsageError } from './usage.ts';
import { integer, size, time, words, yesNo } from './values.ts';

/** Methods of OpenSSH's client; those that rxssh has not are passed over, as `ssh` does. */
const METHODS = ['gssapi-with-mic', 'hostbased', 'publickey', 'keyboard-interactive', 'password'];
const DEFAULT_METHODS = ['publickey', 'keyboard-interactive', 'password'];
const PASSWORD_FIRST = ['publickey', 'password', 'keyboard-interactive'];

/** A host as it was named on the command line. */
export interface NamedHost {
  /** As it was written. */
  readonly name: string;
  readonly target: Target;
}

/** Connects to hosts. */
export type Connector = (host: NamedHost) => Observable<SshClient>;

/** Reads a host's name; throws a `config` error for what is none. */
export function namedHost(name: string): NamedHost {
  return { name, target: parseTarget(name) };
}

/** Reads all settings of a connection, so that what is wrong is told before anything is connected to. */
export function connector(settings: Settings, io: CliIo, messages: Messages): Connector {
  const isBatch = settings.first('BatchMode', yesNo) ?? false;
  const terminal = isBatch ? undefined : io.terminal;
  const quietIo = { ...io, terminal };
  // a file that cannot be written to is told before anything is connected to
  connectionLog(messages);
  for (const key of settings.ignored) messages.verbose(1, `-o ${key} makes no difference here`);
  checkSessionSettings(settings);
  const common = {
    ...timing(settings),
    algorithms: algorithmOptions(settings),
    identities: identitySources(settings, quietIo),
    ...signatureAlgorithms(settings),
    knownHosts: knownHosts(settings, messages),
    hostKeys: hostKeyPolicy(settings, terminal, messages),
    updateHostKeys: hostKeysUpdatePolicy(settings, terminal),
    methods: methods(settings, io),
  };
  const seconds = settings.first('ConnectTimeout', time) ?? 0;
  const advise = unknownHostAdvice(messages);
  const reach = (named: NamedHost, hop: Hop): Observable<SshClient> =>
    connect({
      ...common,
      ...hop,
      ...traceTo(connectionLog(messages, escapeText(named.name))),
      banner: (text) => saidBy(escapeText(named.name), text, messages),
    }).pipe(tap({ error: advise }), (source$) =>
      seconds === 0 ? source$ : loggedInWithin(source$, seconds),
    );
  const via = jumps(settings, { env: {}, terminal }, messages, reach);
  const route = readRoute(settings);
  const dial = proxyCommandOf(settings, messages);
  const answers = answersFor(settings, quietIo, messages);
  return (named) => {
    const { host, port, user } = route(named.target);
    const proxy = dial && { duplex: dial(named.target.host, { host, port, user }) };
    return reach(named, { host, port, user, ...answers(user, named.name), ...via, ...proxy });
  };
}

/** Not every command uses them: a wrong value is told all the same. */
function checkSessionSettings(settings: Settings): void {
  wantsTerminal(settings, false);
  environment(settings, { env: {} });
  settings.first('EscapeChar', escapeCharacter);
}

/** What is different from one host on the way to the next. */
type Hop = Required<Target> & Answers & Pick<ConnectOptions, 'via' | 'duplex'>;

/**
 * The way through the jump hosts, each of which is connected to once for all. What `User`, `Port` and RXSSH_PASSWORD say is said
 * about the target, as with `ssh`.
 */
function jumps(
  settings: Settings,
  io: Pick<CliIo, 'env' | 'terminal'>,
  messages: Messages,
  reach: (named: NamedHost, hop: Hop) => Observable<SshClient>,
): Pick<ConnectOptions, 'via'> {
  const hosts = settings.first('ProxyJump', jumpHosts) ?? [];
  const answers = answersFor(settings, io, messages);
  return hosts.reduce<Pick<ConnectOptions, 'via'>>((via, named) => {
    const { host, port = 22, user = userInfo().username } = named.target;
    const hop = { host, port, user, ...answers(user, named.name), ...via };
    return { via: reach(named, hop).pipe(shareClient()) };
  }, {});
}

function proxyCommandOf(settings: Settings, messages: Messages): ProxyDialler | undefined {
  const dial = settings.first('ProxyCommand', (key, value) => proxyDialler(key, value, messages));
  if (dial !== undefined && (settings.first('ProxyJump', jumpHosts) ?? []).length > 0)
    throw new UsageError('ProxyCommand and ProxyJump: there is only one way to a host');
  return dial;
}

function jumpHosts(key: string, value: string): readonly NamedHost[] {
  if (value.toLowerCase() === 'none') return [];
  return value.split(',').map((name) => {
    try {
      return namedHost(name);
    } catch {
      throw new UsageError(`${key}: ${JSON.stringify(name)} is no host`);
    }
  });
}

/** Where a host is: what its name says, then the options. */
function readRoute(settings: Settings): (target: Target) => Required<Target> {
  const user = settings.first('User', userName) ?? userInfo().username;
  const port = settings.first('Port', (key, value) => integer(key, value, 1, 65_535)) ?? 22;
  const hostName = settings.first('HostName', (key, value) => {
    if (value.replaceAll(/%[%h]/g, '').includes('%')) throw notYet(`${key}: the token in ${value}`);
    // checked as what it will become
    parseTarget(value.replaceAll('%h', 'h').replaceAll('%%', ''));
    return value;
  });
  return (target) => ({
    host:
      hostName?.replace(/%[%h]/g, (token) => (token === '%h' ? target.host : '%')) ?? target.host,
    port: target.port ?? port,
    user: target.user ?? user,
  });
}

/** A user name that is one: it may end up in a command line, a file or a terminal. */
function userName(key: string, value: string): string {
  try {
    return parseTarget(`${value}@host`).user ?? value;
  } catch {
    throw new UsageError(`${key}: ${JSON.stringify(value)} is no user name`);
  }
}

function timing(settings: Settings): Partial<ConnectOptions> {
  const interval = settings.first('ServerAliveInterval', time);
  const countMax = settings.first('ServerAliveCountMax', (key, value) =>
    integer(key, value, 1, 1_000_000),
  );
  const rekey = settings.first('RekeyLimit', rekeyLimit);
  const connectTimeout = (settings.first('ConnectTimeout', time) ?? 0) * 1000;
  return {
    keepalive: {
      ...(interval === undefined ? {} : { interval: interval * 1000 }),
      ...(countMax === undefined ? {} : { countMax }),
    },
    ...(rekey === undefined ? {} : { rekey }),
    // one deadline for everything: no phase gives up before it
    ...(connectTimeout === 0
      ? {}
      : { connectTimeout, handshakeTimeout: connectTimeout, loginTimeout: connectTimeout }),
  };
}

/** `RekeyLimit`: an amount of data and perhaps a time, each `default` or, for the time, `none`. */
export function rekeyLimit(key: string, value: string): NonNullable<ConnectOptions['rekey']> {
  const [data = 'default', age = 'none', ...rest] = words(key, value);
  if (rest.length > 0) throw new UsageError(`${key}: ${JSON.stringify(value)} has too many words`);
  const bytes = data.toLowerCase() === 'default' ? 0 : size(key, data);
  const milliseconds = time(key, age) * 1000;
  return { ...(bytes === 0 ? {} : { bytes }), ...(milliseconds === 0 ? {} : { milliseconds }) };
}

/** A password that is known goes before questions to a person. */
function methods(settings: Settings, { env }: Pick<CliIo, 'env'>): readonly string[] {
  const preferred = settings.first('PreferredAuthentications', (key, value) => {
    const names = value.split(',');
    const unknown = names.find((name) => !METHODS.includes(name));
    if (unknown !== undefined)
      throw new UsageError(`${key}: ${JSON.stringify(unknown)} is no authentication method`);
    return names.filter((name) => DEFAULT_METHODS.includes(name));
  });
  const isOff = (key: string): boolean => settings.first(key, yesNo) === false;
  const off = [
    ...(isOff('PubkeyAuthentication') ? ['publickey'] : []),
    ...(isOff('KbdInteractiveAuthentication') ? ['keyboard-interactive'] : []),
    ...(isOff('PasswordAuthentication') ? ['password'] : []),
  ];
  const usual = env['RXSSH_PASSWORD'] === undefined ? DEFAULT_METHODS : PASSWORD_FIRST;
  const left = (preferred ?? usual).filter((name) => !off.includes(name));
  if (left.length === 0) throw new UsageError('no authentication method that is there is left');
  return ['none', ...left];
}

function loggedInWithin(client$: Observable<SshClient>, seconds: number): Observable<SshClient> {
  const milliseconds = seconds * 1000;
  const message = `no login within ${String(seconds)} s (ConnectTimeout)`;
  const expired = (): SshError =>
    new SshError('timeout', message, { phase: 'connect and login', milliseconds });
  return client$.pipe(timeout({ first: milliseconds, with: () => throwError(expired) }));
}

function traceTo(trace: Tracer | undefined): Pick<ConnectOptions, 'trace'> {
  return trace === undefined ? {} : { trace };
}
