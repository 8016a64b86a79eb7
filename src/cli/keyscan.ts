/** `rxssh keyscan`: the host keys of hosts, as lines of known_hosts. */
import type { Command } from 'commander';
import {
  catchError,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
  toArray,
} from 'rxjs';
import { formatKnownHostsLine, joinKnownHosts, type PublicKey } from '../keys/index.ts';
import { connect, escapeText, isSshError } from '../node.ts';
import { readHosts } from './hosts.ts';
import type { CliIo } from './io.ts';
import { messageOf, UsageError } from './usage.ts';
import { integer, seconds } from './values.ts';

/** What commander makes of the options. */
export interface KeyscanFlags {
  readonly p?: string;
  readonly t?: string;
  readonly T?: string;
  readonly H?: boolean;
  readonly q?: boolean;
}

/** What is asked for to be shown a key of a type. Nothing is trusted for it, so that an old server may sign with SHA-1. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  rsa: ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
  ecdsa: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ed25519: ['ssh-ed25519'],
};
const DEFAULT_TYPES = 'rsa,ecdsa,ed25519';
const DEFAULT_SECONDS = '5';
const CONCURRENCY = 32;

/** Describes the command. */
export function keyscanCommand(command: Command): Command {
  return command
    .description(
      'print the host keys of hosts, as lines of known_hosts: compare them with what you know',
    )
    .argument(
      '<host...>',
      'names, addresses or ranges such as web[01-20]; USER@ means nothing here',
    )
    .option('-p <port>', 'port; 22 unless said otherwise')
    .option('-t <types>', `of ${DEFAULT_TYPES}, which are all`)
    .option('-T <seconds>', `for each connection; ${DEFAULT_SECONDS} unless said otherwise`)
    .option('-H', 'hide the names behind hashes')
    .option('-q', 'tell nothing of hosts that do not answer');
}

/**
 * Cold: prints the keys as they come. Nobody logs in: each connection ends when the key was shown. Emits 0, or 1 when a host has
 * shown none, and completes. Throws a `UsageError` before anything is connected to.
 */
export function runKeyscan(
  names: readonly string[],
  flags: KeyscanFlags,
  io: CliIo,
): Observable<number> {
  const types = (flags.t ?? DEFAULT_TYPES).split(',').map(readType);
  const port = flags.p === undefined ? undefined : integer('-p', flags.p, 1, 65_535);
  const timeout = seconds('-T', flags.T ?? DEFAULT_SECONDS);
  const hosts = readHosts(names, undefined).map(({ target }) => ({
    host: target.host,
    port: target.port ?? port ?? 22,
  }));
  return from(hosts).pipe(
    mergeMap(
      (host) =>
        from(types).pipe(
          concatMap((algorithms) => keyOf({ ...host, algorithms, timeout })),
          map((key) => {
            const line = formatKnownHostsLine(host.host, host.port, key, {
              hash: flags.H === true,
            });
            io.stdout.write(`${line}\n`);
          }),
          toArray(),
          map((lines) => (lines.length > 0 ? 0 : 1)),
          catchError((error: unknown) => {
            if (flags.q !== true)
              io.stderr.write(`rxssh: ${escapeText(host.host)}: ${messageOf(error)}\n`);
            return of(1);
          }),
        ),
      CONCURRENCY,
    ),
    toArray(),
    map((statuses) => (statuses.includes(1) ? 1 : 0)),
  );
}

interface Scan {
  readonly host: string;
  readonly port: number;
  readonly algorithms: readonly string[];
  readonly timeout: number;
}

/** The key that a host shows when it is asked for one of this type; nothing when it has none. */
function keyOf({ host, port, algorithms, timeout }: Scan): Observable<PublicKey> {
  return defer(() => {
    let shown: PublicKey | undefined;
    return connect({
      host,
      port,
      user: 'keyscan',
      agent: false,
      identityFiles: [],
      connectTimeout: timeout,
      handshakeTimeout: timeout,
      algorithms: { hostKey: algorithms },
      knownHosts: { load: () => [joinKnownHosts([])], add: () => [] },
      hostKeys: {
        policy: 'ask',
        ask: ({ key }) => {
          shown = key;
          // that was all: whoever refuses the key is not asked who they are
          return [false];
        },
      },
    }).pipe(
      ignoreElements(),
      catchError((error: unknown) => {
        if (shown !== undefined) return of(shown);
        const isOfOtherTypes =
          isSshError(error, 'key-exchange') && error.detail.failure?.category === 'host key';
        return isOfOtherTypes ? EMPTY : throwError(() => error);
      }),
    );
  });
}

function readType(type: string): readonly string[] {
  const name = type.toLowerCase();
  const algorithms = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name] : undefined;
  if (algorithms === undefined)
    throw new UsageError(
      `-t ${JSON.stringify(type)} is none of ${DEFAULT_TYPES.replaceAll(',', ', ')}`,
    );
  return algorithms;
}
