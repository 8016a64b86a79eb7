/** `HOST:PATH`, as `get`, `put` and `ls` take it. */
import { type NamedHost, namedHost } from './client-setup.ts';
import { UsageError } from './usage.ts';

/** A path on a host. */
export interface Location {
  readonly host: NamedHost;
  /** As it was written; empty for the folder where the server starts. */
  readonly path: string;
}

/** Address in brackets, or what has neither a colon nor a slash; a port that is followed by a colon; and the path. */
const PLAIN = /^((?:[^@:/]*@)?(?:\[[^\]/]*\]|[^:/[\]]+)(?::\d{1,5}(?=:))?):(.*)$/s;
const URL = /^((?:ssh|sftp|scp):\/\/(?:[^@/]*@)?(?:\[[^\]/]*\]|[^:/]+)(?::\d{1,5})?)(?:\/(.*))?$/s;

/**
 * Reads `[user@]host:path`, `[user@]host:port:path` (an IPv6 address in brackets), or `ssh://[user@]host[:port]/path`, also
 * with `sftp:` and `scp:`; there the path is relative to the start folder unless it begins with a second slash. Throws a
 * `UsageError` for what is none of these, and `config` for a host that is none.
 *
 * @example `parseLocation('deploy@db1:/var/log/*.log')`
 */
export function parseLocation(text: string): Location {
  const url = URL.exec(text);
  if (url !== null) return location((url[1] ?? '').replace(/^\w+:/, 'ssh:'), url[2] ?? '');
  const plain = PLAIN.exec(text);
  if (plain === null) throw new UsageError(`${JSON.stringify(text)}: expected HOST:PATH`);
  return location(plain[1] ?? '', plain[2] ?? '');
}

function location(name: string, path: string): Location {
  if (path.includes('\0')) throw new UsageError('a path cannot have a NUL in it');
  return { host: namedHost(name), path };
}
