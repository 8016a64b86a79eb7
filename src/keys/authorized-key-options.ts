/** The options in front of a key in authorized_keys (sshd(8)): what they come to, or why their key lets nobody in. */
import { escapeText } from '../errors.ts';
import { isAddressPattern } from './address-patterns.ts';
import { readEndpointPattern } from './endpoint-patterns.ts';
import { arePermissions, type Permissions } from './permissions.ts';

/** How a key is restricted. */
export interface AuthorizedKeyOptions {
  /** What its logins may do. */
  readonly permissions: Permissions;
  /** Patterns for the addresses that it may be used from; see `matchesAddress`. */
  readonly from?: readonly string[];
  /** When it stops letting anybody in. */
  readonly expires?: Date;
  /** A security key may sign without being touched. */
  readonly noTouchRequired?: true;
  /** A security key has to verify who touches it. */
  readonly verifyRequired?: true;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** What the options so far come to. */
interface OptionsDraft extends Draft<AuthorizedKeyOptions> {
  permissions: Draft<Permissions>;
}

/** Takes an option in: with its value, or `undefined` for none; answers why not, if so. */
type OptionRule = (draft: OptionsDraft, value: string | undefined) => string | undefined;

const FLAGS = {
  'port-forwarding': 'portForwarding',
  'agent-forwarding': 'agentForwarding',
  'x11-forwarding': 'x11Forwarding',
  pty: 'pty',
  'user-rc': 'userRc',
} as const;

/** sshd compares names without regard to case. What is not here refuses its key. */
const RULES: ReadonlyMap<string, OptionRule> = new Map<string, OptionRule>([
  ...Object.entries(FLAGS).flatMap(([name, flag]): [string, OptionRule][] => [
    [name, withoutValue(({ permissions }) => (permissions[flag] = true))],
    [`no-${name}`, withoutValue(({ permissions }) => (permissions[flag] = false))],
  ]),
  ['restrict', withoutValue(({ permissions }) => restrict(permissions))],
  ['command', withValue(command)],
  ['environment', withValue(environment)],
  ['permitopen', withValue((draft, value) => permit(draft, 'permitOpen', value))],
  ['permitlisten', withValue((draft, value) => permit(draft, 'permitListen', value))],
  ['from', withValue(from)],
  ['expiry-time', withValue(expiry)],
  ['no-touch-required', withoutValue((draft) => (draft.noTouchRequired = true))],
  ['verify-required', withoutValue((draft) => (draft.verifyRequired = true))],
]);

/**
 * Reads options, quotes and all, from the beginning of a line.
 *
 * @returns the options and what stands behind them, or what is wrong: an option that is not known or cannot be enforced, a value
 * that is none, a quote without an end. The text is safe to show.
 */
export function readAuthorizedKeyOptions(
  line: string,
): { readonly options: AuthorizedKeyOptions; readonly rest: string } | string {
  const draft: OptionsDraft = { permissions: {} };
  let rest = line;
  for (;;) {
    // a value ends at the first quote that has no backslash in front; sshd knows no other escape
    const match = /^([A-Za-z0-9-]+)(?:="((?:\\"|\\(?!")|[^"\\])*)")?(,|[ \t]+|$)/.exec(rest);
    if (match === null) return `option ${escapeText(rest, 32)} is not readable`;
    const [whole, name = '', value, end] = match;
    const rule = RULES.get(name.toLowerCase());
    if (rule === undefined) return `option ${name.slice(0, 32)} is not known, or not enforced`;
    const problem = rule(draft, value?.replaceAll('\\"', '"'));
    if (problem !== undefined) return `option ${name}: ${problem}`;
    rest = rest.slice(whole.length);
    if (end !== ',') break;
  }
  return arePermissions(draft.permissions)
    ? { options: draft, rest }
    : 'an option has a value that cannot be used';
}

function withoutValue(apply: (draft: OptionsDraft) => void): OptionRule {
  return (draft, value) => {
    if (value !== undefined) return 'has a value';
    apply(draft);
    return undefined;
  };
}

function withValue(apply: (draft: OptionsDraft, value: string) => string | undefined): OptionRule {
  return (draft, value) => (value === undefined ? 'has no value' : apply(draft, value));
}

/** Covers what there is to take away, that which later versions may know as well. */
function restrict(permissions: Draft<Permissions>): void {
  for (const flag of Object.values(FLAGS)) permissions[flag] = false;
}

function command({ permissions }: OptionsDraft, value: string): string | undefined {
  if (permissions.command !== undefined) return 'is there twice';
  permissions.command = value;
  return undefined;
}

/** The first value of a variable counts. */
function environment({ permissions }: OptionsDraft, value: string): string | undefined {
  const at = value.indexOf('=');
  if (at <= 0) return 'is not NAME=value';
  permissions.environment = {
    [value.slice(0, at)]: value.slice(at + 1),
    ...permissions.environment,
  };
  return undefined;
}

function permit(
  { permissions }: OptionsDraft,
  list: 'permitOpen' | 'permitListen',
  value: string,
): string | undefined {
  // sshd lets a port to listen on stand alone
  const text = list === 'permitListen' && /^(\d+|\*)$/.test(value) ? `*:${value}` : value;
  const pattern = readEndpointPattern(text);
  if (pattern === undefined || !('host' in pattern)) return 'is not HOST:PORT';
  // sshd takes names to listen on as patterns; what is compared here is the whole name
  if (pattern.host !== '*' && /[*?]/.test(pattern.host)) return 'has a pattern for a host';
  permissions[list] = [...(permissions[list] ?? []), text];
  return undefined;
}

function from(draft: OptionsDraft, value: string): string | undefined {
  const patterns = value.split(',');
  if (draft.from !== undefined) return 'is there twice';
  if (!patterns.every(isAddressPattern)) return 'is no list of addresses';
  draft.from = patterns;
  return undefined;
}

/** Of several times the earliest counts. */
function expiry(draft: OptionsDraft, value: string): string | undefined {
  const expires = readTime(value);
  if (expires === undefined) return 'is not YYYYMMDD[HHMM[SS]][Z]';
  if (draft.expires === undefined || expires < draft.expires) draft.expires = expires;
  return undefined;
}

/** UTC with a Z, else the time of this machine. */
function readTime(text: string): Date | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/i.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((digits: string | undefined) => Number(digits ?? 0));
  const time = [hour, minute, second] as const;
  const utc = new Date(Date.UTC(year, month - 1, day, ...time));
  // a 31st of June would be a 1st of July
  const isReal = utc.getUTCMonth() === month - 1 && utc.getUTCDate() === day;
  if (!isReal || hour > 23 || minute > 59 || second > 59) return undefined;
  return match[7] === '' ? new Date(year, month - 1, day, ...time) : utc;
}
