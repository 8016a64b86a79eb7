/** What -L, -R and -D are told, in the words of `ssh`. */
import type { Endpoint, ListenAt } from '../node.ts';
import { UsageError } from './usage.ts';
import { integer } from './values.ts';

/** Where to listen, and where to. */
export interface ForwardSpec {
  readonly listen: ListenAt;
  readonly to: Endpoint;
}

/** Fields between colons; an address with colons of its own stands in brackets. */
const FIELD = /(?:\[([^\]]*)\]|([^:[\]]*))(:|$)/y;

/** All addresses. */
const ANY: Readonly<Record<'-L' | '-R' | '-D', string>> = { '-L': '::', '-R': '', '-D': '::' };

/** `[bind:]port:host:hostport`, where a path of a socket may stand for an address and its port on each side. */
export function forwardSpec(option: '-L' | '-R', text: string): ForwardSpec {
  const { listen, rest } = takeListen(option, text);
  const [host = '', port] = rest;
  if (rest.length === 1 && host.startsWith('/')) return { listen, to: { socketPath: host } };
  if (rest.length !== 2 || host === '' || port === undefined) throw badSpec(option, text);
  return { listen, to: { host, port: integer(option, port, 1, 65_535) } };
}

/** As `forwardSpec`, or `[bind:]port` alone: whoever comes says where to. */
export function remoteSpec(text: string): Pick<ForwardSpec, 'listen'> & Partial<ForwardSpec> {
  const { listen, rest } = takeListen('-R', text);
  return rest.length === 0 && 'port' in listen ? { listen } : forwardSpec('-R', text);
}

/** `[bind:]port`. */
export function dynamicSpec(text: string): ListenAt {
  const { listen, rest } = takeListen('-D', text);
  if (rest.length > 0 || 'socketPath' in listen) throw badSpec('-D', text);
  return listen;
}

function takeListen(
  option: '-L' | '-R' | '-D',
  text: string,
): { readonly listen: ListenAt; readonly rest: readonly string[] } {
  const fields = fieldsOf(option, text);
  const [first = '', second] = fields;
  if (first.startsWith('/')) return { listen: { socketPath: first }, rest: fields.slice(1) };
  if (/^\d+$/.test(first))
    return { listen: { port: integer(option, first, 0, 65_535) }, rest: fields.slice(1) };
  if (second === undefined) throw badSpec(option, text);
  const host = first === '' || first === '*' ? ANY[option] : first;
  return { listen: { host, port: integer(option, second, 0, 65_535) }, rest: fields.slice(2) };
}

function fieldsOf(option: string, text: string): readonly string[] {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const match = FIELD.exec(text);
    if (match === null) throw badSpec(option, text);
    fields.push(match[1] ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}

function badSpec(option: string, text: string): UsageError {
  const more = option === '-R' ? ', or [bind:]port alone' : '';
  const expected = option === '-D' ? '[bind:]port' : `[bind:]port:host:hostport, or sockets${more}`;
  return new UsageError(`${option} ${JSON.stringify(text)}: expected ${expected}`);
}
