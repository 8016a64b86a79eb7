/** What a user may do who has logged in with a key, or by any other method: everything, less what was taken away. */
import { intersectEndpointPatterns, readEndpointPattern } from './endpoint-patterns.ts';

/**
 * What a login may do. What is not named is not restricted, with one exception: where a `command` is forced, there is only such
 * forwarding as is given by name. A server's handlers still decide over what is left.
 */
export interface Permissions {
  /**
   * Run in place of whatever the client asks for, shells and subsystems too; what it has asked for is in the variable
   * SSH_ORIGINAL_COMMAND. Its signals are refused.
   */
  readonly command?: string;
  /** Variables that each session has; a client cannot set them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Terminals. */
  readonly pty?: boolean;
  /** Forwarding of TCP ports and unix sockets, either way. */
  readonly portForwarding?: boolean;
  /** Where to, as in `permitEndpoints`; no list is anywhere. */
  readonly permitOpen?: readonly string[];
  /** Where the server may listen, as in `permitEndpoints`; no list is anywhere. */
  readonly permitListen?: readonly string[];
  readonly agentForwarding?: boolean;
  readonly x11Forwarding?: boolean;
  /** Running `~/.ssh/rc` before a session. */
  readonly userRc?: boolean;
}

const FLAGS = ['pty', 'portForwarding', 'agentForwarding', 'x11Forwarding', 'userRc'] as const;
const LISTS = ['permitOpen', 'permitListen'] as const;

const isText = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isPatternList = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((each) => typeof each === 'string' && readEndpointPattern(each) !== undefined);

const FIELDS: Readonly<Record<keyof Permissions, (value: unknown) => boolean>> = {
  command: (value) => isText(value) && value !== '',
  environment: (value) =>
    isPlainObject(value) &&
    Object.entries(value).every(
      ([name, text]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && isText(text),
    ),
  pty: isFlag,
  portForwarding: isFlag,
  agentForwarding: isFlag,
  x11Forwarding: isFlag,
  userRc: isFlag,
  permitOpen: isPatternList,
  permitListen: isPatternList,
};

/** Are these permissions? A name that is not known could be a restriction misspelt: then they are none. */
export function arePermissions(value: unknown): value is Permissions {
  return (
    isPlainObject(value) &&
    Object.entries(value).every(
      ([name, field]) => isName(name) && (field === undefined || FIELDS[name](field)),
    )
  );
}

/** The same with nothing left implied: what a forced command takes away is written out. */
export function explicitPermissions(given: Permissions): Permissions {
  const permissions: Permissions = Object.fromEntries(
    Object.entries(given).filter(([, field]) => field !== undefined),
  );
  const { command, portForwarding, permitOpen, permitListen } = permissions;
  if (command === undefined) return permissions;
  const isListed = permitOpen !== undefined || permitListen !== undefined;
  return {
    agentForwarding: false,
    x11Forwarding: false,
    ...permissions,
    portForwarding: portForwarding ?? isListed,
    ...(portForwarding === undefined && isListed
      ? { permitOpen: permitOpen ?? [], permitListen: permitListen ?? [] }
      : {}),
  };
}

/**
 * What two factors of one login both let their holder do: a forced command of either applies, and of a variable the value in
 * `a`. Both have to be explicit, and so is the outcome.
 *
 * @returns `undefined` when they force different commands: then there is nothing that both allow
 */
export function intersectPermissions(a: Permissions, b: Permissions): Permissions | undefined {
  if (a.command !== undefined && b.command !== undefined && a.command !== b.command)
    return undefined;
  const both: { -readonly [K in keyof Permissions]: Permissions[K] } = {
    ...b,
    ...a,
    ...(a.environment === undefined || b.environment === undefined
      ? {}
      : { environment: { ...b.environment, ...a.environment } }),
  };
  for (const name of FLAGS) if (b[name] === false) both[name] = false;
  for (const name of LISTS) {
    const [left, right] = [a[name], b[name]];
    if (left !== undefined && right !== undefined)
      both[name] = intersectEndpointPatterns(left, right);
  }
  return both;
}

function isName(name: string): name is keyof Permissions {
  return Object.hasOwn(FIELDS, name);
}

/** What a Map or an instance of a class holds is not to be seen in its properties. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
