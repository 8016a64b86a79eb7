/** Our client against a peer: trusting what its known_hosts lines say, with one of its keys, and nothing of this machine's. */
import { createHash } from 'node:crypto';
import { concat, firstValueFrom, map, type Observable, of, reduce, tap, toArray } from 'rxjs';
import {
  type CommandResult,
  connect,
  type ConnectOptions,
  exec,
  type KnownHostsStore,
  type SshClient,
  stdout,
  text,
  withClient,
} from '../../../src/node.ts';
import { parseKnownHosts } from '../../../src/keys/known-hosts.ts';
import { collect } from '../../../src/client/output-operators.ts';
import type { Command } from '../../../src/client/quote.ts';
import type { ExecOptions } from '../../../src/client/exec.ts';
import type { Peer } from './peer.ts';

/** A store of these lines, which never grows. */
export function knownHostsOf(lines: readonly string[]): KnownHostsStore {
  return {
    load: () => of(parseKnownHosts(lines.join('\n'), 'known_hosts')),
    add: (line) => {
      throw new Error(`nobody asked for a new line: ${line}`);
    },
  };
}

/** What `connect` needs for this peer. */
export function optionsFor(peer: Peer, more: Partial<ConnectOptions> = {}): ConnectOptions {
  const { host, port, user, identityFiles, knownHostsLines } = peer;
  return {
    ...{ host, port, user, agent: false, identityFiles: identityFiles.slice(0, 1) },
    knownHosts: knownHostsOf(knownHostsLines),
    ...more,
  };
}

/** A connection to the peer. */
export function connectTo(peer: Peer, more: Partial<ConnectOptions> = {}): Observable<SshClient> {
  return connect(optionsFor(peer, more));
}

/** Connects, runs one command, collects what comes of it, and disconnects. */
export function runOn(
  peer: Peer,
  command: Command,
  options: ExecOptions = {},
  more: Partial<ConnectOptions> = {},
): Promise<CommandResult> {
  return firstValueFrom(connectTo(peer, more).pipe(exec(command, options), collect()));
}

/** How much came, and its hash. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Hashes what a command sends. */
export function digestOf(
  client$: Observable<SshClient>,
  command: Command,
  options: ExecOptions = {},
): Promise<Digest> {
  return firstValueFrom(
    client$.pipe(
      exec(command, options),
      stdout(),
      reduce(
        ({ hash, bytes }, chunk) => ({ hash: hash.update(chunk), bytes: bytes + chunk.length }),
        { hash: createHash('sha256'), bytes: 0 },
      ),
      map(({ hash, bytes }) => ({ bytes, sha256: hash.digest('hex') })),
    ),
  );
}

/** The pattern there and back, while we ask for new keys after each MiB: what has come, and how often keys were changed. */
export async function echoOverNewKeys(
  peer: Peer,
  bytes: number,
): Promise<Digest & { readonly rekeys: number }> {
  let rekeys = 0;
  const client$ = connectTo(peer, { rekey: { bytes: 1024 * 1024 } }).pipe(
    // eslint-disable-next-line rxjs-x/no-subscribe-in-pipe -- counts beside the pipe, and ends with the client
    tap((client) => client.rekeyed$.subscribe(() => rekeys++)),
  );
  const digest = await digestOf(client$, 'cat', { stdin: patternOf(bytes) });
  return { ...digest, rekeys };
}

/** Three times a word there and back on one connection, with new keys in between. */
export function echoesBetweenNewKeys(peer: Peer): Promise<readonly string[]> {
  return firstValueFrom(
    connectTo(peer).pipe(
      withClient((client) => {
        const echo$ = client.exec('cat', { stdin: 'words' }).pipe(text());
        return concat(echo$, client.rekey(), echo$, client.rekey(), echo$).pipe(toArray());
      }),
    ),
  );
}

/** Bytes of which no two blocks are alike, so that a lost, repeated or misplaced one shows. */
export function* patternOf(bytes: number, chunk = 65_536): Generator<Uint8Array> {
  let value = 1;
  for (let left = bytes; left > 0; left -= chunk) {
    const block = new Int32Array(chunk / 4);
    value = fill(block, value);
    yield new Uint8Array(block.buffer, 0, Math.min(chunk, left));
  }
}

/** Looking up a global takes Jest's sandbox a tenth of a microsecond. */
const { imul } = Math;

/** Numerical Recipes' congruential generator. */
function fill(block: Int32Array, seed: number): number {
  let value = seed;
  for (let at = 0; at < block.length; at++) {
    value = (imul(value, 1_664_525) + 1_013_904_223) | 0;
    block[at] = value;
  }
  return value;
}

/** The digest that the pattern has when nothing is lost. */
export function digestOfPattern(bytes: number): Digest {
  const hash = createHash('sha256');
  for (const chunk of patternOf(bytes)) hash.update(chunk);
  return { bytes, sha256: hash.digest('hex') };
}
