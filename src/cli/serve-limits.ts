/** What sshd_config's keys say of times, counts and algorithms. */
import {
  type ListenOptions,
  type MaxStartups,
  parseModuli,
  type Penalties,
  type SourcePrefix,
} from '../node.ts';
import { isAddressPattern, matchesWildcard } from '../keys/index.ts';
import { algorithmList } from './algorithm-lists.ts';
import { rekeyLimit } from './client-setup.ts';
import { defined } from './defined.ts';
import { readText } from './hosts.ts';
import type { Settings } from './settings.ts';
import { notYet, UsageError } from './usage.ts';
import { bad, integer, path, time, words, yesNo } from './values.ts';

const MOST = 1_000_000;
const MAX_MODULI_FILE = 4 * 1024 * 1024;

/** Reads a value of a key. */
type Read<T> = (key: string, value: string) => T;

/** Offences and bounds of PerSourcePenalties, by sshd's names. */
const PENALTIES = new Map<string, keyof Penalties>([
  ['authfail', 'authFail'],
  ['grace-exceeded', 'graceExceeded'],
  ['noauth', 'noAuth'],
  ['min', 'min'],
  ['max', 'max'],
]);
const LATER_PENALTIES = [
  ...['crash', 'invaliduser', 'refuseconnection'],
  ...['max-sources4', 'max-sources6', 'overflow', 'overflow6'],
];

/** What channels are called on the wire, by sshd's names. */
const CHANNEL_TYPES = new Map([
  ['session', 'session'],
  ['direct-tcpip', 'direct-tcpip'],
  ['direct-streamlocal@openssh.com', 'direct-streamlocal@openssh.com'],
  ['forwarded-tcpip', 'forwarded-tcpip'],
  ['forwarded-streamlocal@openssh.com', 'forwarded-streamlocal@openssh.com'],
  ['agent-connection', 'auth-agent@openssh.com'],
  ['x11-connection', 'x11'],
  ['tun-connection', 'tun@openssh.com'],
]);

/** The limits that were set; what was not set is as by default. */
export function limitsOf(settings: Settings): {
  readonly server: Partial<ListenOptions>;
  readonly login: NonNullable<ListenOptions['authentication']>;
} {
  const maxFailures = settings.first('MaxAuthTries', count(1));
  const loginGraceTime = settings.first('LoginGraceTime', milliseconds);
  const algorithms = settings.first('PubkeyAcceptedAlgorithms', (key, value) =>
    algorithmList(key, value, 'hostKey'),
  );
  return {
    server: defined({
      maxSessions: settings.first('MaxSessions', count(0)),
      maxStartups: settings.first('MaxStartups', maxStartups),
      maxPerSource: settings.first('PerSourceMaxStartups', unlessNone(count(0))),
      sourcePrefix: settings.first('PerSourceNetBlockSize', sourcePrefix),
      penalties: settings.first('PerSourcePenalties', penalties),
      penaltyExempt: settings.first('PerSourcePenaltyExemptList', addresses),
      unusedTimeout: settings.first('UnusedConnectionTimeout', milliseconds),
      channelTimeouts: settings.first('ChannelTimeout', channelTimeouts),
      keepalive: defined({
        interval: settings.first('ClientAliveInterval', milliseconds),
        // 0 asks, and takes no answer for one
        countMax: settings.first(
          'ClientAliveCountMax',
          (key, value) => count(0)(key, value) || Number.POSITIVE_INFINITY,
        ),
      }),
      rekey: settings.first('RekeyLimit', rekeyLimit),
      moduli: settings.first('ModuliFile', moduli),
    }),
    login: defined({ maxFailures, loginGraceTime, algorithms }),
  };
}

/** Groups for group exchange, in the form of moduli(5). */
function moduli(key: string, value: string): NonNullable<ListenOptions['moduli']> {
  const file = path(key, value);
  const groups = parseModuli(readText(file, `-o ${key}`, MAX_MODULI_FILE));
  if (groups.length === 0) throw new UsageError(`-o ${key} ${file}: has no group that can be used`);
  return groups;
}

function count(least: number): Read<number> {
  return (key, value) => integer(key, value, least, MOST);
}

function milliseconds(key: string, value: string): number {
  return time(key, value) * 1000;
}

function unlessNone(read: Read<number>): Read<number> {
  return (key, value) =>
    value.toLowerCase() === 'none' ? Number.POSITIVE_INFINITY : read(key, value);
}

/** `10`, or `10:30:100`. */
function maxStartups(key: string, value: string): number | MaxStartups {
  const [start = '', rate, full, ...rest] = value.split(':');
  if (rate === undefined) return integer(key, start, 1, MOST);
  const wrong = (): UsageError => bad(key, value, 'start:rate:full, where start is at most full');
  if (full === undefined || rest.length > 0) throw wrong();
  const limits = {
    start: integer(key, start, 1, MOST),
    rate: integer(key, rate, 1, 100),
    full: integer(key, full, 1, MOST),
  };
  if (limits.start > limits.full) throw wrong();
  return limits;
}

/** `32`, or `32:128`: of IPv4, and of IPv6. */
function sourcePrefix(key: string, value: string): Partial<SourcePrefix> {
  const [ipv4 = '', ipv6, ...rest] = value.split(':');
  if (rest.length > 0) throw bad(key, value, 'a number for IPv4, and one for IPv6 perhaps');
  return {
    ipv4: integer(key, ipv4, 0, 32),
    ...(ipv6 === undefined ? {} : { ipv6: integer(key, ipv6, 0, 128) }),
  };
}

/** `yes`, `no`, or `authfail:10s max:5m …`. */
function penalties(key: string, value: string): boolean | Partial<Penalties> {
  if (!value.includes(':')) return yesNo(key, value);
  const entries = words(key, value).map((word) => {
    const [name = '', duration = ''] = word.split(':');
    if (LATER_PENALTIES.includes(name)) throw notYet(`-o ${key}=${word}`);
    const field = PENALTIES.get(name);
    if (field === undefined)
      throw bad(key, word, `one of ${[...PENALTIES.keys()].join(', ')}, with a time`);
    return [field, milliseconds(key, duration)] as const;
  });
  return Object.fromEntries(entries);
}

/** `192.0.2.1,198.51.100.0/24`; `none` alone is nobody. */
function addresses(key: string, value: string): readonly string[] {
  if (value.toLowerCase() === 'none') return [];
  const patterns = value.split(',');
  if (patterns.every(isAddressPattern)) return patterns;
  throw bad(key, value, 'addresses, networks or patterns, separated by commas');
}

/**
 * `session=5m direct-tcpip=1h *=2h`; a time of 0, or `none` alone, is no limit. Of those that match a type of channels the first
 * counts.
 */
function channelTimeouts(key: string, value: string): Readonly<Record<string, number>> {
  if (value.toLowerCase() === 'none') return {};
  const entries = words(key, value).flatMap((word) => {
    const [pattern = '', duration = ''] = word.split('=');
    if (/^(global|session:.*)$/.test(pattern)) throw notYet(`-o ${key}=${word}`);
    const timeout = milliseconds(key, duration);
    const types = [...CHANNEL_TYPES].filter(([name]) => matchesWildcard(name, pattern));
    if (types.length === 0)
      throw bad(key, word, `a type such as ${[...CHANNEL_TYPES.keys()].join(', ')}`);
    return types.map(([, type]) => [type, timeout] as const);
  });
  // of equal keys the last one stays
  return Object.fromEntries(entries.reverse());
}
