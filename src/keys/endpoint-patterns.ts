/** Where connections may go to or come in, written as in sshd_config's PermitOpen and PermitListen. */

/** A pattern that was read: a TCP port, of one host or any, or the path of a unix socket. */
export type EndpointPattern =
  | {
      /** Lower case; `*` is any. */
      readonly host: string;
      /** `undefined` is any. */
      readonly port: number | undefined;
    }
  | { readonly socketPath: string };

/** Reads `db1:5432`, `127.0.0.1:*`, `*:443`, `[::1]:22`, `*:*`, or an absolute path; `undefined` for what is none of them. */
export function readEndpointPattern(text: string): EndpointPattern | undefined {
  if (text.startsWith('/')) return { socketPath: text };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\*|\d{1,5})$/.exec(text);
  const [, bracketed, plain = '', port = ''] = match ?? [];
  if (match === null || Number(port) > 65_535) return undefined;
  const host = (bracketed ?? plain).toLowerCase();
  return { host, port: port === '*' ? undefined : Number(port) };
}

/** Patterns for just what both lists name. All of them must be readable. */
export function intersectEndpointPatterns(
  a: readonly string[],
  b: readonly string[],
): readonly string[] {
  return a.flatMap((left) => b.flatMap((right) => overlap(left, right) ?? []));
}

function overlap(a: string, b: string): string | undefined {
  const [left, right] = [readEndpointPattern(a), readEndpointPattern(b)];
  if (left === undefined || right === undefined) return undefined;
  if ('socketPath' in left || 'socketPath' in right) return a === b ? a : undefined;
  const host = either(left.host, right.host, '*');
  const port = either(left.port, right.port, undefined);
  if (host === undefined || port === undefined) return undefined;
  return `${host.both.includes(':') ? `[${host.both}]` : host.both}:${port.both ?? '*'}`;
}

/** What two have in common; `undefined` for nothing. */
function either<T>(a: T, b: T, any: T): { readonly both: T } | undefined {
  if (a === b || b === any) return { both: a };
  return a === any ? { both: b } : undefined;
}
